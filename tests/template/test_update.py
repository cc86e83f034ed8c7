"""`cruft update` brings the template's changes into a project and keeps the team's edits."""

import shutil
import sys

import pytest

from support.commands import TEMPLATE, assert_same_files, run_ok

GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@client.example")
ANSWER = '{"project_name": "Kept Name"}'
IGNORE = shutil.ignore_patterns(".git", ".cache", ".venv", ".uv", "build", "demo", "__pycache__")


def commit(directory, message) -> str:
    """Commit everything in a directory and return the commit."""
    run_ok(*GIT, "add", "--all", cwd=directory)
    run_ok(*GIT, "commit", "--quiet", "--allow-empty", "-m", message, cwd=directory)
    return run_ok("git", "rev-parse", "HEAD", cwd=directory).strip()


def edit(project) -> None:
    """Change a file of a project as its team would."""
    page = project / "templates/404.html"
    page.write_text(page.read_text().replace("Page not found", "We looked everywhere"))


@pytest.mark.parametrize("previous", [pytest.param("HEAD~1", marks=pytest.mark.slow), "HEAD"])
def test_an_update_keeps_the_teams_edit(tmp_path, previous):
    """From the previous commit, and from this one, to the working tree."""
    template = tmp_path / "template"
    run_ok("git", "clone", "--quiet", TEMPLATE, template, cwd=tmp_path)
    if "~" in previous and run_ok("git", "rev-list", "--count", "HEAD", cwd=template) == "1\n":
        pytest.skip("the template has no previous commit")
    run_ok("git", "checkout", "--quiet", "-B", "main", previous, cwd=template)
    create = ("cruft", "create", template, "--no-input", "--extra-context", ANSWER)
    environment = {"HOME": tmp_path, "GIT_CONFIG_GLOBAL": tmp_path / "gitconfig"}
    (tmp_path / "gitconfig").write_text("[user]\nname = Ada\nemail = ada@client.example\n")
    run_ok(*create, "--output-dir", tmp_path, cwd=tmp_path, **environment)
    project = tmp_path / "kept_name"
    run_ok("git", "init", "--quiet", cwd=project)
    edit(project)
    commit(project, "Edit")

    for path in template.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(TEMPLATE, template, dirs_exist_ok=True, ignore=IGNORE)
    changed = template / "{{cookiecutter.project_slug}}/config/urls.py"
    changed.write_text(changed.read_text() + "\n# A newer line of the template.\n")
    run_ok(sys.executable, "scripts/repository.py", "another/name", cwd=template)
    commit(template, "Newer")

    run_ok("cruft", "update", "--skip-apply-ask", cwd=project, **environment)
    assert not list(project.rglob("*.rej"))
    assert "github.com/another/name" in (project / "README.md").read_text()
    fresh = tmp_path / "fresh"
    run_ok(*create, "--output-dir", fresh, cwd=tmp_path, **environment)
    fresh /= "kept_name"
    edit(fresh)
    shutil.rmtree(project / ".git")
    assert_same_files(fresh, project)
