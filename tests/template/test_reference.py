"""The rendering as a whole: equal to reference/, complete, and without leftovers."""

from support.answers import SERVERS
from support.commands import DJANGO, PROJECT, SERIES, TEMPLATE, assert_same_files, git, run_ok

REFERENCE = TEMPLATE / "reference"


def test_reference(bake):
    assert_same_files(REFERENCE / "client_site", bake(django_version=SERIES[0]))


def test_rendering_is_reproducible(bake, cookies):
    again = cookies.bake(template=str(TEMPLATE), extra_context={"django_version": DJANGO})
    assert_same_files(bake(), again.project_path)


def test_no_leftovers(bake):
    project = bake(project_name="Qzx Vw", domain_name="qzx.vw.test", served_url="/qq/")
    for file in (path for path in project.rglob("*") if path.is_file()):
        text = file.read_text()
        assert "cookiecutter." not in text, file
        if file.suffix not in (".html", ".yml"):
            own = text.replace("${{ secrets.", "")  # of GitHub
            assert not [mark for mark in ("{{", "{%", "{#") if mark in own], file
        for name in ("client_site", "client-site", "Client Site", "/s/static", "/s/media"):
            assert name not in f"{file}{text}", file


def test_template_is_in_git():
    missing = run_ok("git", "ls-files", "--others", "--", PROJECT.name, cwd=TEMPLATE)
    assert missing == ""


def test_clone_renders_the_reference(tmp_path):
    clone = tmp_path / "clone"
    run_ok("git", "clone", "--quiet", TEMPLATE, clone, cwd=tmp_path)
    committed = clone / "reference/client_site"
    command = ["cookiecutter", f"git+file://{clone}", "--no-input", "--default-config"]
    run_ok(*command, cwd=tmp_path, HOME=tmp_path)
    assert_same_files(committed, tmp_path / "client_site")


def test_no_byproducts(bake):
    names = {path.name for path in bake().rglob("*")}
    assert not names & {"__pycache__", ".venv", "uv.lock", ".git", "db.sqlite3"}
    assert [path.name for path in bake().parent.iterdir()] == [bake().name]


def test_clone_has_the_static_directory(project, tmp_path):
    for command in ("init --quiet", "add --all", "commit --quiet --message Start"):
        git(project, *command.split())
    git(tmp_path, "clone", "--quiet", project, "clone")
    assert (tmp_path / "clone/static").is_dir()


def test_make_test_server():
    output = run_ok("make", "--silent", "--dry-run", "test-server", cwd=TEMPLATE)
    assert {name for name in SERVERS if f"-k {name} " in output} == set(SERVERS)
