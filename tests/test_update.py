"""A client project is brought up to date with cruft: the user's edits stay, the rest follows."""

import shutil

import pytest
from conftest import TEMPLATE, passes
from test_reference import same

GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@client.example")
ANSWER = '{"project_name": "Kept Name"}'
IGNORE = shutil.ignore_patterns(".git", ".cache", ".venv", ".uv", "build", "demo", "__pycache__")


def commit(folder, message) -> str:
    """Commit all that is in a folder and return the commit."""
    passes(*GIT, "add", "--all", cwd=folder)
    passes(*GIT, "commit", "--quiet", "--allow-empty", "-m", message, cwd=folder)
    return passes("git", "rev-parse", "HEAD", cwd=folder).strip()


def edit(project) -> None:
    """Change a file of a project as its team would."""
    page = project / "templates/404.html"
    page.write_text(page.read_text().replace("Page not found", "We looked everywhere"))


@pytest.mark.parametrize("previous", ["HEAD~1", "HEAD"])
def test_an_update_keeps_the_users_edit_and_brings_the_rest(tmp_path, previous):
    """From the commit before, and from this one, to what lies in the working tree."""
    template = tmp_path / "template"
    passes("git", "clone", "--quiet", TEMPLATE, template, cwd=tmp_path)
    if "~" in previous and passes("git", "rev-list", "--count", "HEAD", cwd=template) == "1\n":
        pytest.skip("the template has no commit before this one")
    passes("git", "checkout", "--quiet", "-B", "main", previous, cwd=template)
    create = ("cruft", "create", template, "--no-input", "--extra-context", ANSWER)
    environment = {"HOME": tmp_path, "GIT_CONFIG_GLOBAL": tmp_path / "gitconfig"}
    (tmp_path / "gitconfig").write_text("[user]\nname = Ada\nemail = ada@client.example\n")
    passes(*create, "--output-dir", tmp_path, cwd=tmp_path, **environment)
    project = tmp_path / "kept_name"
    passes("git", "init", "--quiet", cwd=project)
    edit(project)
    commit(project, "Edit")

    for path in template.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(TEMPLATE, template, dirs_exist_ok=True, ignore=IGNORE)
    changed = template / "{{cookiecutter.project_slug}}/config/urls.py"
    changed.write_text(changed.read_text() + "\n# A line of the template's, newer.\n")
    commit(template, "Newer")

    passes("cruft", "update", "--skip-apply-ask", cwd=project, **environment)
    assert not list(project.rglob("*.rej"))
    fresh = tmp_path / "fresh"
    passes(*create, "--output-dir", fresh, cwd=tmp_path, **environment)
    fresh /= "kept_name"
    edit(fresh)
    shutil.rmtree(project / ".git")
    same(fresh, project)
