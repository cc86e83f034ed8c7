"""What the template renders, as a whole: the reference, no leftovers, nothing left out."""

import shutil

import pytest
from conftest import TEMPLATE, passes, run
from test_booted import SERVERS

REFERENCE = TEMPLATE / "reference"
FOLDER = TEMPLATE / "{{cookiecutter.project_slug}}"


def same(one, other) -> None:
    """Fail with the differences between two trees, in content or mode."""
    diff = run("git", "diff", "--no-index", "--no-color", one, other, cwd=TEMPLATE)
    if diff.returncode:
        pytest.fail(diff.stdout, pytrace=False)


def test_the_reference_is_what_the_template_renders(bake):
    same(REFERENCE / "client_site", bake())


def test_two_renderings_are_the_same_bytes(bake, cookies):
    same(bake(), cookies.bake(template=str(TEMPLATE)).project_path)


def test_nothing_of_the_template_or_the_reference_is_left_over(bake):
    project = bake(project_name="Qzx Vw", domain_name="qzx.vw.test", served_url="/qq/")
    for file in (path for path in project.rglob("*") if path.is_file()):
        text = file.read_text()
        assert "cookiecutter." not in text, file
        if file.suffix != ".html":
            assert not [mark for mark in ("{{", "{%", "{#") if mark in text], file
        for own in ("client_site", "client-site", "Client Site", "/s/static", "/s/media"):
            assert own not in f"{file}{text}", file


def test_git_has_every_file_of_the_template():
    missing = passes("git", "ls-files", "--others", "--", FOLDER.name, cwd=TEMPLATE)
    assert missing == ""


def test_a_clone_renders_the_reference(tmp_path):
    clone = tmp_path / "clone"
    passes("git", "clone", "--quiet", TEMPLATE, clone, cwd=tmp_path)
    committed = clone / "reference/client_site"
    command = ["cookiecutter", f"git+file://{clone}", "--no-input", "--default-config"]
    passes(*command, cwd=tmp_path, HOME=tmp_path)
    same(committed, tmp_path / "client_site")


def test_rendering_leaves_no_byproducts(bake):
    names = {path.name for path in bake().rglob("*")}
    assert not names & {"__pycache__", ".venv", "uv.lock", ".git", "db.sqlite3"}
    assert [path.name for path in bake().parent.iterdir()] == [bake().name]


def test_the_static_folder_survives_a_clone_of_the_project(bake, tmp_path):
    project = shutil.copytree(bake(), tmp_path / "project")
    for command in ("init -q", "add -A", "-c user.name=a -c user.email=a@b.c commit -qm start"):
        passes("git", *command.split(), cwd=project)
    passes("git", "clone", "--quiet", project, tmp_path / "clone", cwd=tmp_path)
    assert (tmp_path / "clone/static").is_dir()


def test_make_boots_each_server():
    shown = passes("make", "--silent", "--dry-run", "test-server", cwd=TEMPLATE)
    assert {name for name in SERVERS if f"-k {name} " in shown} == set(SERVERS)
