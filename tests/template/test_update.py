"""`cruft update` brings the template's changes into a project and keeps the team's edits."""

import shutil
import sys

import pytest

from support.commands import PROJECT, TEMPLATE, assert_same_files, copy_template, git, run_ok
from support.edits import edit

ANSWER = '{"project_name": "Kept Name"}'
TEAMS_EDIT = ("templates/404.html", "Page not found", "We looked everywhere")


def commit(directory, message: str) -> None:
    """Commit everything in a directory."""
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", message)


@pytest.mark.parametrize("previous", [pytest.param("HEAD~1", marks=pytest.mark.slow), "HEAD"])
def test_update_keeps_the_teams_edit(tmp_path, previous):
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
    git(project, "init", "--quiet")
    edit(project, TEAMS_EDIT)
    commit(project, "Edit")

    for path in template.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    copy_template(template)
    edit(template / PROJECT.name, ("config/urls.py", "# A newer line of the template."))
    run_ok(sys.executable, "scripts/repository.py", "another/name", cwd=template)
    commit(template, "Newer")

    run_ok("cruft", "update", "--skip-apply-ask", cwd=project, **environment)
    assert not list(project.rglob("*.rej"))
    assert "github.com/another/name" in (project / "README.md").read_text()
    fresh = tmp_path / "fresh"
    run_ok(*create, "--output-dir", fresh, cwd=tmp_path, **environment)
    fresh /= "kept_name"
    edit(fresh, TEAMS_EDIT)
    shutil.rmtree(project / ".git")
    assert_same_files(fresh, project)
