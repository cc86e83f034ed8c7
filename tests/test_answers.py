"""The questions: what is refused, and that what is kept means the same everywhere."""

import ast
import json
import shutil
import tomllib

import pytest
from conftest import TEMPLATE, run

QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text())
LAYOUT = [path.name for path in (TEMPLATE / "{{cookiecutter.project_slug}}").iterdir()]


def render(tmp_path, *options, **answers):
    """Run cookiecutter as a user does and return what it printed."""
    words = [f"{question}={answer}" for question, answer in answers.items()]
    command = ["cookiecutter", TEMPLATE, "--no-input", "--default-config", "-o", tmp_path / "out"]
    return run(*command, *options, *words, cwd=TEMPLATE, HOME=tmp_path)


WRONG = {
    "project_name": ['say "hi"', "back\\slash", "tab\there", "a{b}", " ", "line\nbreak", "bell\a"]
    + ["zero\u200bwidth"],
    "project_slug": [
        "1site",
        "Site",
        "my-site",
        "my site",
        "site_",
        "ö",
        "_x",
        "a.b",
        'a"b',
        "a\\b",
    ]
    + ["class", "email", "json", "django", "test", *LAYOUT, "static", "a/b", "../up", "x!"],
    "domain_name": [
        "client",
        "-a.example",
        "a..example",
        "a b.example",
        "1.2.3.4",
        "",
        "a;b.example",
    ]
    + ["https://a.example", "a.example/x", "www.client.example", "Client.Example", "a_b.example"]
    + ["münchen.example", "a" * 64 + ".example"],
    "served_url": ["/", "s/", "/s", "/a/../b/", "//", "/a//b/", "/a b/", "", "/admin/", "/admin/s/"]
    + ["/s;/", "/$s/", "/./", "/.git/"],
    "web_root": ["var/www", "/", "/a/../b", "/a b", "/a;b", "/$a", "/a/", '/a"b', "/a{b", "/a#b"]
    + ["/a//b", "", "/.", "/a\\b"],
}
REFUSED = [(question, answer) for question, answers in WRONG.items() for answer in answers]


@pytest.mark.parametrize(("question", "answer"), REFUSED)
def test_refused(cookies, tmp_path, capfd, question, answer):
    result = cookies.bake(template=str(TEMPLATE), extra_context={question: answer})
    said = capfd.readouterr().err + str(result.exception)
    assert result.exit_code != 0
    assert question in said
    assert repr(answer) in said or answer in said
    assert result.project_path is None


def test_all_problems_are_told_at_once_and_nothing_is_left(tmp_path):
    wrong = {"domain_name": "client", "served_url": "s", "web_root": "/"}
    done = render(tmp_path, project_slug="class", **wrong)
    assert done.returncode == 1
    for sentence in (
        "project_slug 'class' is a word of Python's own: try class_site.",
        "domain_name 'client' is no domain: lower-case names with dots between them,"
        " such as client.example (others in their xn-- form).",
        "served_url 's' is no path that nginx can serve files below: start and end with a slash,"
        " and use letters, digits, - and _ between, such as /s/.",
        "web_root '/' is no folder that nginx can serve from: start with a slash, do not end with"
        " one, and use letters, digits, . - and _ between, such as /var/www/client.example.",
    ):
        assert sentence in done.stdout.splitlines()
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("slug", ["a/b", "../up", "a/b/c", "."])
def test_a_slug_that_is_no_folder_leaves_nothing_anywhere(tmp_path, slug):
    done = render(tmp_path, project_slug=slug)
    assert done.returncode == 1
    assert "/" not in slug or f"project_slug {slug} holds a slash" in done.stdout
    left = [path for path in tmp_path.rglob("*") if path.name not in {"out"}]
    assert [path for path in left if ".cookiecutter" not in str(path)] == []


AWKWARD = {
    "project_name": "O'Neill & Söhne <3 😀 $HOME #1 %s",
    "project_slug": "a_project_whose_name_has_forty_letters_x",
    "domain_name": "a-rather-long-name.of-a.client.xn--mnchen-3ya.example",
    "served_url": "/assets/files/",
    "web_root": "/srv/www.data/a-rather-long-name.of-a.client/public_html",
    "django_version": "6.1",
}


def constants(file) -> dict[str, object]:
    """Return the plain constants that a Python file assigns."""
    found = {}
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            found[node.targets[0].id] = node.value.value
    return found


def test_awkward_answers_are_kept(bake):
    project = bake(**AWKWARD)
    settings, layout = (constants(project / f) for f in ("config/settings.py", "files/layout.py"))
    assert settings["SITE_NAME"] == AWKWARD["project_name"]
    assert settings["DOMAIN"] == AWKWARD["domain_name"]
    assert layout["SERVED_URL"] == AWKWARD["served_url"]
    assert layout["WEB_ROOT"] == AWKWARD["web_root"]
    pyproject = tomllib.loads((project / "pyproject.toml").read_text())
    assert pyproject["project"]["name"] == AWKWARD["project_slug"]
    assert any(d.startswith("django>=6.1") for d in pyproject["project"]["dependencies"])


@pytest.mark.parametrize("question", [q for q in QUESTIONS if not q.startswith("_")])
@pytest.mark.parametrize("quote", ['"', "'", '"""', "'''", "`", "$(", "\\"])
def test_no_answer_is_ever_executed(cookies, tmp_path, question, quote):
    marker = tmp_path / "marker"
    answer = f"{quote}+__import__('os').mkdir({str(marker)!r})+{quote};$(mkdir {marker})"
    cookies.bake(template=str(TEMPLATE), extra_context={question: answer})
    assert not marker.exists()


def test_without_hooks_the_project_stands_and_says_what_is_missing(tmp_path, python):
    assert render(tmp_path, "--accept-hooks", "no").returncode == 0
    project = tmp_path / "out/client_site"
    assert not (project / "static").exists()
    check = run(python(), "manage.py", "check", cwd=project, LOCAL_DEV=1)
    assert check.returncode == 0
    assert f"'{project / 'static'}' in the STATICFILES_DIRS setting does not exist" in check.stdout


def test_rendering_again_keeps_what_the_user_made(tmp_path):
    assert render(tmp_path).returncode == 0
    project = tmp_path / "out/client_site"
    (project / "static/own.css").write_text("body {}")
    (project / "welcome/templates/welcome/own.html").write_text("<p>")
    assert render(tmp_path).returncode == 1
    assert render(tmp_path, "-f").returncode == 0
    assert (project / "static/own.css").exists()
    assert (project / "welcome/templates/welcome/own.html").exists()


def test_replay_renders_the_same(tmp_path):
    assert render(tmp_path, project_name="Replayed").returncode == 0
    first = (tmp_path / "out/replayed/config/settings.py").read_bytes()
    command = ["cookiecutter", TEMPLATE, "--replay", "-f", "-o", tmp_path / "out"]
    assert run(*command, cwd=TEMPLATE, HOME=tmp_path).returncode == 0
    assert (tmp_path / "out/replayed/config/settings.py").read_bytes() == first


def test_a_rendering_that_disagrees_is_not_handed_over(tmp_path):
    """The hook's check, seen to fail: a template whose nginx serves another tree."""
    broken = shutil.copytree(
        TEMPLATE,
        tmp_path / "template",
        ignore=shutil.ignore_patterns(".*", "reference", "demo", "build"),
    )
    site = broken / "{{cookiecutter.project_slug}}/nginx/site.conf"
    site.write_text(site.read_text().replace("root {{ cookiecutter.web_root }};", "root /var/www;"))
    command = ["cookiecutter", broken, "--no-input", "--default-config", "-o", tmp_path / "out"]
    done = run(*command, cwd=tmp_path, HOME=tmp_path)
    assert done.returncode == 1
    sentence = "files.E043: nginx serves STATIC_URL '/s/static/' from '/var/www/s/static'"
    assert sentence in done.stdout
    assert list((tmp_path / "out").iterdir()) == []
