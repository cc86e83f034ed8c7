"""The rendering as a whole: equal to reference/, complete, and without leftovers."""

import shutil

from support.commands import DJANGO, PROJECT, SERIES, SERVERS, TEMPLATE, assert_same_files, run_ok

REFERENCE = TEMPLATE / "reference"


def test_the_reference_is_what_the_template_renders(bake):
    assert_same_files(REFERENCE / "client_site", bake(django_version=SERIES[0]))


def test_two_renderings_are_the_same_bytes(bake, cookies):
    again = cookies.bake(template=str(TEMPLATE), extra_context={"django_version": DJANGO})
    assert_same_files(bake(), again.project_path)


def test_no_leftovers_of_the_template_or_the_reference(bake):
    project = bake(project_name="Qzx Vw", domain_name="qzx.vw.test", served_url="/qq/")
    for file in (path for path in project.rglob("*") if path.is_file()):
        text = file.read_text()
        assert "cookiecutter." not in text, file
        if file.suffix not in (".html", ".yml"):
            assert not [mark for mark in ("{{", "{%", "{#") if mark in text], file
        for name in ("client_site", "client-site", "Client Site", "/s/static", "/s/media"):
            assert name not in f"{file}{text}", file


def test_each_file_of_the_template_is_in_git():
    missing = run_ok("git", "ls-files", "--others", "--", PROJECT.name, cwd=TEMPLATE)
    assert missing == ""


def test_a_clone_renders_the_reference(tmp_path):
    clone = tmp_path / "clone"
    run_ok("git", "clone", "--quiet", TEMPLATE, clone, cwd=tmp_path)
    committed = clone / "reference/client_site"
    command = ["cookiecutter", f"git+file://{clone}", "--no-input", "--default-config"]
    run_ok(*command, cwd=tmp_path, HOME=tmp_path)
    assert_same_files(committed, tmp_path / "client_site")


def test_rendering_leaves_no_byproducts(bake):
    names = {path.name for path in bake().rglob("*")}
    assert not names & {"__pycache__", ".venv", "uv.lock", ".git", "db.sqlite3"}
    assert [path.name for path in bake().parent.iterdir()] == [bake().name]


def test_the_static_directory_survives_a_clone_of_the_project(bake, tmp_path):
    project = shutil.copytree(bake(), tmp_path / "project")
    for command in ("init -q", "add -A", "-c user.name=a -c user.email=a@b.c commit -qm start"):
        run_ok("git", *command.split(), cwd=project)
    run_ok("git", "clone", "--quiet", project, tmp_path / "clone", cwd=tmp_path)
    assert (tmp_path / "clone/static").is_dir()


def test_make_test_server_boots_each_distribution():
    output = run_ok("make", "--silent", "--dry-run", "test-server", cwd=TEMPLATE)
    assert {name for name in SERVERS if f"-k {name} " in output} == set(SERVERS)
