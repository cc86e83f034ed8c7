"""Blocks of the READMEs that no other test runs.

make demo, run, check and test are run by test_commands.py, the code of the project's README by
test_project.py, and its section on a server by test_server.py.
"""

import os
import re
import shutil
from pathlib import Path

import pytest

from support.commands import PROJECT, TEMPLATE, UV, run_ok, run_on_terminal


@pytest.mark.parametrize("directory", [TEMPLATE, PROJECT], ids=["template", "project"])
def test_targets_exist(directory):
    readme = "".join(page.read_text() for page in directory.glob("*.md"))
    named = set(re.findall(r"^make (?:-C \S+ )?([a-z][a-z-]*)", readme, re.MULTILINE))
    makefiles = {directory / "Makefile", PROJECT / "Makefile"}  # the README names make run
    text = "".join(file.read_text() for file in makefiles)
    assert named <= set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))


def test_make_superuser(bake, python, tmp_path):
    assert "\nmake superuser " in (PROJECT / "README.md").read_text()
    project = shutil.copytree(bake(), tmp_path / "client_site")
    environment = {"UV_PROJECT_ENVIRONMENT": python().parent.parent, "UV": UV}
    path = f"{Path(shutil.which(UV) or UV).parent}:{os.environ['PATH']}"
    variables = [f"{name}={value}" for name, value in (environment | {"PATH": path}).items()]
    answers = {"Username": "ada", "Email": "", "Password:": "a long one", "(again):": "a long one"}
    run_on_terminal(["env", *variables, "make", "-C", str(project), "superuser"], answers)
    code = "from accounts.models import User; print(User.objects.get().is_superuser)"
    shell = (python(), "manage.py", "shell", "--verbosity", "0", "--command", code)
    assert run_ok(*shell, cwd=project, LOCAL_DEV=1) == "True\n"


def test_figures_of_speed_are_results():
    section = (TEMPLATE / "README.md").read_text().split("\n## Speed\n")[1].split("\n## ")[0]
    results = (TEMPLATE / "benchmarks/RESULTS.md").read_text()
    figures = re.findall(r"\b\d\.\d\d\b", section)
    assert len(figures) == 3 and all(f"| {figure} [" in results for figure in figures)
