"""The numbers of scripts/size.py, which the README and docs/evidence/comparison.md quote."""

import re

from size import dependencies, distributions, lines, text_files

from support.commands import TEMPLATE


def test_files_that_git_tracks_are_counted(tmp_path):
    for name, content in {
        "a.py": b"1\n2\n",
        "directory/.hidden": b"1\n",
        "uv.lock": b"1\n",
        "image.png": b"\x89PNG\0\n",
        ".gitignore": b"*.log\n",
        "a.log": b"1\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    names = {str(file.relative_to(tmp_path)) for file in text_files(tmp_path)}
    assert names == {"a.py", "directory/.hidden", ".gitignore"}
    assert lines(tmp_path) == 4


def test_distributions_are_those_of_production(bake):
    project = bake()
    names = [re.split(r"[\[<>=]", dependency)[0] for dependency in dependencies(project)]
    installed = distributions(project)
    assert {*names, "asgiref"} <= {*installed} and "pytest" not in installed
    assert not (project / "uv.lock").exists() and not (project / ".venv").exists()


def test_readme_states_the_size():
    readme = (TEMPLATE / "README.md").read_text()
    project = TEMPLATE / "reference/client_site"
    files, total, direct = len(text_files(project)), lines(project), len(dependencies(project))
    assert f"{files} files, {total:,} lines, {direct} dependencies" in readme
    assert f"| 6 · {files} · {total:,} |" in readme
