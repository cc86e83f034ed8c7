"""The answers to the questions: which are refused, and how the others are rendered.

Most tests call hooks/pre_gen_project.py itself, rendered by Cookiecutter's own environment.
"""

import ast
import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from contextlib import suppress
from types import ModuleType

import pytest
from cookiecutter.utils import create_env_with_context

from support.answers import UNUSUAL
from support.commands import (
    PROJECT,
    TEMPLATE,
    UV,
    assert_same_files,
    copy_template,
    git,
    run,
    run_ok,
)
from support.edits import edit
from support.site import answers

HOOK = (TEMPLATE / "hooks/pre_gen_project.py").read_text()
DEFAULTS = {
    "project_name": "Client Site",
    "project_slug": "client_site",
    "domain_name": "client-site.example",
    "served_url": "/s/",
    "web_root": "/var/www/client-site.example",
    "django_version": "5.2",
}


def hook(**answers) -> ModuleType:
    """Return the hook as Cookiecutter renders it, imported."""
    context = {"cookiecutter": DEFAULTS | answers}
    module = ModuleType("pre_gen_project")
    exec(create_env_with_context(context).from_string(HOOK).render(**context), vars(module))
    return module


def render(tmp_path, *options, template=TEMPLATE, **answers):
    """Run cookiecutter as a user does, without uvx, and return its output."""
    words = [f"{question}={answer}" for question, answer in answers.items()]
    command = ["cookiecutter", template, "--no-input", "--default-config", "-o", tmp_path / "out"]
    return run(*command, *options, *words, cwd=TEMPLATE, HOME=tmp_path, UV="")


def constants(file) -> dict[str, object]:
    """Return the plain constants that a Python file assigns."""
    found = {}
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            found[node.targets[0].id] = node.value.value
    return found


DIRECTORIES = sorted({path.name for path in PROJECT.iterdir() if path.is_dir()} | {"static"})
WRONG = {
    "project_name": [
        *('say "hi"', "back\\slash", "tab\there", "a{b}", " ", "line\nbreak", "bell\a", ""),
        "zero\u200bwidth",
    ],
    "project_slug": [
        *("1site", "Site", "my-site", "my site", "site_", "ö", "_x", "a.b", 'a"b', "a\\b", "a/b"),
        *("../up", "x!", "", ".", "client_site\n", "class", "email", "json", "django", "test"),
        *("root", "postgres", "systemd_site", *DIRECTORIES),
    ],
    "domain_name": [
        *("client", "-a.example", "a..example", "a b.example", "1.2.3.4", "", "a;b.test"),
        *("https://a.example", "a.example/x", "www.client.example", "Client.Example"),
        *("a_b.example", "münchen.example", "client.example\n", "a-.example"),
        *("a" * 64 + ".example", "a." * 130 + "example"),
    ],
    "served_url": [
        *("/", "s/", "/s", "/a/../b/", "//", "/a//b/", "/a b/", "", "/s;/", "/$s/", "/./"),
        *("/.git/", "/s/\n", "/admin/", "/admin/s/", "/accounts/"),
    ],
    "web_root": [
        *("var/www", "/", "/a/../b", "/a b", "/a;b", "/$a", "/a/", '/a"b', "/a{b", "/a#b", "/a//b"),
        *("", "/.", "/a\\b", "/a/b\n", "/etc", "/usr", "/home", "/etc/nginx/www", "/root/www"),
        *("/usr/share/www", "/home/ada/www", "/var", "/var/lib", "/var/lib/client_site"),
        *("/var/lib/client_site/www", "/var/backups", "/srv", "/srv/client_site", "/tmp", "/opt"),
        *("/srv/client_site/checkout/www", "/srv/client_site/current", "/proc/1"),
        "/run/client_site/www",
    ],
}
WEB_ROOTS = ["/var/www/client.example", "/var/www", "/srv/www", "/srv/client_site/www"]
WEB_ROOTS += ["/srv/client_site_2", "/opt/sites/a", "/data/www", "/etc2/a", UNUSUAL["web_root"]]


@pytest.mark.parametrize(
    ("question", "answer"), [(question, a) for question, wrong in WRONG.items() for a in wrong]
)
def test_refused(question, answer):
    (sentence,) = hook(**{question: answer}).problems()
    assert sentence.startswith(f"{question} {answer!r} ")
    assert sentence.endswith(".")


@pytest.mark.parametrize("directory", ["", "www", "www/s/static/client_site", "www/s/media/a/b"])
def test_web_root_around_the_project(tmp_path, monkeypatch, directory):
    """The hook after rendering would refuse it, and Cookiecutter print a traceback."""
    (tmp_path / directory).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / directory)
    assert "overlaps the project" in hook().PROBLEMS["web_root"](str(tmp_path / "www"))


@pytest.mark.parametrize("answers", [{}, UNUSUAL, *({"web_root": root} for root in WEB_ROOTS)])
def test_accepted(answers):
    assert hook(**answers).problems() == []


def test_reserved_names():
    """Each directory and each dependency of the project is a reserved name."""
    pyproject = (PROJECT / "pyproject.toml").read_text()
    dependencies = set(re.findall(r'^    "([a-z-]+)(?:\[|>=|\{)', pyproject, re.MULTILINE))
    assert {"django", "gunicorn", "ruff"} <= dependencies
    names = {*DIRECTORIES, *(name.replace("-", "_") for name in dependencies)} - {".github"}
    assert names <= hook().RESERVED


CONSISTENCY = """
import importlib, json, os, sys
import files.layout
from files.consistency import Site, problems
for slug, url, root in json.loads(os.environ["ANSWERS"]):
    layout = importlib.reload(files.layout)
    for name in ("STATIC_URL", "MEDIA_URL", "PRIVATE_URL"):
        setattr(layout, name, getattr(layout, name).replace(layout.URL_PREFIX, url, 1))
    layout.URL_PREFIX, layout.WEB_ROOT, layout.STATE_DIR = url, root, f"/var/lib/{slug}"
    sys.modules.pop("config.settings", None)
    import config
    vars(config).pop("settings", None)
    from config import settings
    assert str(settings.STATIC_ROOT) == f"{root}{url}static"
    for problem in problems(Site(settings)):
        print(slug, url, root, *problem)
"""


def test_accepted_answers_are_consistent(bake, tmp_path):
    """What pre_gen_project accepts, post_gen_project accepts too."""
    urls = "/s/", "/lib/", "/www/", "/srv/", "/var/lib/www/", "/static/", "/media/static/"
    roots = ["/var/www/www", "/srv/s", *WEB_ROOTS, *WRONG["web_root"]]
    answers = []
    for slug in ("client_site", "www", "lib", "s"):
        problem = hook(project_slug=slug).PROBLEMS["web_root"]
        answers += [(slug, url, root) for url in urls for root in roots if not problem(root)]
    environment = {"SECRET_KEY": "not used", "PYTHONPYCACHEPREFIX": tmp_path}
    command = (sys.executable, "-c", CONSISTENCY)
    done = run(*command, cwd=bake(), ANSWERS=json.dumps(answers), **environment)
    assert done.stdout == ""


def quoted(quote: str, marker: os.PathLike) -> str:
    return f"{quote}+__import__('os').mkdir({str(marker)!r})+{quote};$(mkdir {marker})"


QUOTES = ['"', "'", '"""', "'''", "`", "$(", "\\"]


@pytest.mark.parametrize("question", DEFAULTS)
@pytest.mark.parametrize("quote", QUOTES)
def test_hook_executes_no_answer(tmp_path, question, quote):
    marker = tmp_path / "marker"
    answer = quoted(quote, marker)
    rendered = hook(**{question: answer})
    rendered.problems()
    assert rendered.ANSWERS[question] == answer
    assert not marker.exists()


@pytest.mark.parametrize(("question", "quote"), [*zip(DEFAULTS, QUOTES, strict=False)])
def test_refusal_leaves_nothing(tmp_path, question, quote):
    """Nor is the answer executed. Cookiecutter itself refuses what is none of the choices."""
    marker = tmp_path / "marker"
    answer = quoted(quote, marker)
    done = render(tmp_path, **{question: answer})
    assert done.returncode == 1
    choice = question == "django_version"
    assert (f"{answer} provided for" if choice else f"{question} {answer!r} ") in done.stdout
    assert not marker.exists()
    left = tmp_path.joinpath("out").rglob("*")  # of a slug with slashes: directories
    assert [path for path in left if path.is_file() or question != "project_slug"] == []


def test_name_is_not_executed(bake, tmp_path):
    marker = tmp_path / "marker"
    name = quoted("'''", marker)
    project = bake(project_name=name, project_slug="short")
    assert constants(project / "config/settings.py")["SITE_NAME"] == name
    assert not marker.exists()


def test_all_problems_at_once(tmp_path):
    wrong = {"domain_name": "client", "served_url": "s", "web_root": "/etc"}
    done = render(tmp_path, project_name="{}", project_slug="class", **wrong)
    assert done.returncode == 1
    for sentence in (
        "project_name '{}' contains one of \" \\ { } or a control character: remove it.",
        "project_slug 'class' is a Python keyword: try class_site.",
        "domain_name 'client' is not a valid domain name: use lower-case names with dots between"
        " them, such as client.example (use Punycode for non-ASCII names).",
        "served_url 's' is not a valid URL prefix: start and end with a slash, and use letters,"
        " digits, - and _ between, such as /s/.",
        "web_root '/etc' overlaps /etc: use a directory for this site only, such as"
        " /var/www/client.example.",
    ):
        assert sentence in done.stdout.splitlines()
    assert list((tmp_path / "out").iterdir()) == []


def test_command_to_correct(tmp_path):
    """Below Cookiecutter's traceback; it renders the project with all other answers."""
    done = render(tmp_path, **UNUSUAL | {"web_root": "/etc"})
    assert done.returncode == 1
    traceback, _, end = done.stdout.partition("\nHook script failed (exit status: 1)\n")
    sentence = "web_root '/etc' overlaps /etc: use a directory for this site only, such as"
    assert sentence in traceback
    blank, again, *text, indented = end.splitlines()
    assert blank == "" and again.startswith(sentence)
    assert text == ["", "Nothing was created. Correct the command and run it again:", ""]
    command = indented.strip().replace("web_root=/etc ", f"web_root={UNUSUAL['web_root']} ")
    # The prompts have the answers as their defaults: press Enter at each.
    enter = run("sh", "-c", f"yes '' | {command}", cwd=tmp_path, HOME=tmp_path)
    assert enter.returncode == 0, enter.stdout
    fresh = tmp_path / "fresh"
    assert render(fresh, **UNUSUAL).returncode == 0
    assert_same_files(fresh / "out", tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-c", "2026.11.1"), ("-f",)])
def test_command_to_correct_has_options(tmp_path, options):
    output = tmp_path / "out"
    output.mkdir()
    if "-f" in options:
        (output / "class").mkdir()
        (output / "class/own.txt").touch()
    command = ["cookiecutter", TEMPLATE, "--no-input", *options, "-o", output]
    done = run(*command, "project_slug=class", cwd=output, HOME=tmp_path, PWD=tmp_path, UV="")
    start, _, end = done.stdout.splitlines()[-1].partition(" project_name='Client Site' ")
    expected = ["cookiecutter", str(TEMPLATE), "-o", str(output), *options]
    assert sorted(start.split()) == sorted(expected)
    assert end.startswith("project_slug=class domain_name=class.example ")
    # In the output directory, as most run it; by uvx, which sets UV.
    path = f"{os.environ['PATH']}:{os.path.dirname(shutil.which(UV) or UV)}"
    environment = {"HOME": tmp_path, "PWD": output, "UV": UV, "PATH": path}
    done = run(*command[:-2], "project_slug=class", cwd=output, **environment)
    start = done.stdout.splitlines()[-1].partition(" project_name='Client Site' ")[0]
    assert sorted(start.split()) == sorted(["uvx", "cookiecutter", str(TEMPLATE), *options])


def test_command_to_correct_in_a_terminal(tmp_path):
    terminal, child = pty.openpty()
    command = ["cookiecutter", TEMPLATE, "--no-input", "--default-config", "project_slug=class"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=child, stdout=child, stderr=child):
        os.close(child)
        output = b""
        with suppress(OSError):  # all processes have closed the terminal
            while part := os.read(terminal, 1000):
                output += part
    os.close(terminal)
    assert b"Hook script failed" not in output.splitlines()[-1]
    assert b" project_slug=class domain_name=class.example " in output.splitlines()[-1]


API = """
import sys, time
from cookiecutter.exceptions import FailedHookException
from cookiecutter.main import cookiecutter
try:
    cookiecutter(sys.argv[1], no_input=True, extra_context={"project_slug": "class"})
except FailedHookException:
    time.sleep(4.5)
    print("still here")
"""


@pytest.mark.slow
def test_refusal_through_the_api(tmp_path):
    """It goes on after the refusal: its output must not get a text in the middle of something."""
    done = run(sys.executable, "-c", API, TEMPLATE, cwd=tmp_path, HOME=tmp_path)
    sentence = "project_slug 'class' is a Python keyword: try class_site."
    assert done.stdout.count(sentence) == 1
    assert done.stdout.endswith("\nstill here\n")


@pytest.mark.slow
def test_refusal_by_cruft(tmp_path):
    """cruft does not pass its options to the hook, so only the answers are repeated."""
    template = copy_template(tmp_path / "template")
    git(template, "init", "--quiet")
    git(template, "add", "--all")
    git(template, "commit", "--quiet", "--message", "Template")
    create = ["cruft", "create", str(template), "--no-input", "--output-dir", str(tmp_path)]
    wrong = json.dumps({"project_name": "O'Neill", "web_root": "/etc"})
    done = run(*create, "--extra-context", wrong, cwd=tmp_path, HOME=tmp_path)
    option, answers = shlex.split(done.stdout.splitlines()[-1])
    assert option == "--extra-context"
    corrected = answers.replace('"/etc"', '"/var/www/o-neill.example"')
    run_ok(*create, option, corrected, cwd=tmp_path, HOME=tmp_path)
    settings = constants(tmp_path / "o_neill/config/settings.py")
    assert settings["SITE_NAME"] == "O'Neill"


@pytest.mark.parametrize("name", ["🎉", "---"])
def test_default_slug(bake, name):
    """Of a name without letters."""
    project = bake(project_name=name)
    assert project.name == "client_site"
    assert constants(project / "config/settings.py")["SITE_NAME"] == name


@pytest.mark.parametrize("options", [(), ("-f",)])
def test_empty_slug(tmp_path, options):
    """It would be the output directory itself. Cookiecutter accepts that with -f, the hook not."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/own.txt").touch()
    done = render(tmp_path, *options, project_slug="")
    assert done.returncode == 1
    sentence = "project_slug '' is not a valid slug" if options else "directory already exists"
    assert sentence in done.stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["own.txt"]


@pytest.mark.parametrize("slug", ["a/b", "../up", "a/b/c"])
def test_slug_with_a_slash(tmp_path, slug):
    """Cookiecutter creates the directories before the hook and removes only the last of them."""
    done = render(tmp_path, project_slug=slug)
    assert done.returncode == 1
    assert f"project_slug {slug!r} is not a valid slug: " in done.stdout
    assert done.stdout.splitlines()[-1].endswith(" django_version=5.2")
    assert "\nNo file was created. " in done.stdout
    left = [path for path in tmp_path.rglob("*") if ".cookiecutter" not in str(path)]
    assert all(path.is_dir() for path in left)
    assert {path.name for path in left} <= {"out", "a", "b"}


def test_unusual_answers(bake):
    project = bake(**UNUSUAL)
    settings, layout = (constants(project / f) for f in ("config/settings.py", "files/layout.py"))
    assert settings["SITE_NAME"] == UNUSUAL["project_name"]
    assert answers(project) == (UNUSUAL["project_slug"], UNUSUAL["domain_name"])
    assert layout["URL_PREFIX"] == UNUSUAL["served_url"]
    assert layout["WEB_ROOT"] == UNUSUAL["web_root"]
    pyproject = tomllib.loads((project / "pyproject.toml").read_text())
    assert pyproject["project"]["name"] == UNUSUAL["project_slug"]
    assert any(d.startswith("django>=6.1") for d in pyproject["project"]["dependencies"])


def test_rendering_without_hooks(tmp_path, python):
    assert render(tmp_path, "--accept-hooks", "no").returncode == 0
    project = tmp_path / "out/client_site"
    assert not (project / "static").exists()
    check = run(python(), "manage.py", "check", cwd=project, LOCAL_DEV=1)
    assert check.returncode == 0
    assert f"'{project / 'static'}' in the STATICFILES_DIRS setting does not exist" in check.stdout


def test_rendering_again_keeps_files(tmp_path):
    assert render(tmp_path).returncode == 0
    project = tmp_path / "out/client_site"
    (project / "static/own.css").write_text("body {}")
    (project / "welcome/templates/welcome/own.html").write_text("<p>")
    assert render(tmp_path).returncode == 1
    assert render(tmp_path, "-f").returncode == 0
    assert (project / "static/own.css").exists()
    assert (project / "welcome/templates/welcome/own.html").exists()


@pytest.mark.slow
def test_replay(tmp_path):
    assert render(tmp_path, project_name="Replayed").returncode == 0
    first = (tmp_path / "out/replayed/config/settings.py").read_bytes()
    command = ["cookiecutter", TEMPLATE, "--replay", "-f", "-o", tmp_path / "out"]
    assert run(*command, cwd=TEMPLATE, HOME=tmp_path).returncode == 0
    assert (tmp_path / "out/replayed/config/settings.py").read_bytes() == first


STATIC = "/var/www/client-site.example/s/static"
OVERLAP = f"files.E001: MEDIA_ROOT '{STATIC}/media' and STATIC_ROOT '{STATIC}' overlap."


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ('MEDIA_ROOT = STATIC_ROOT / "media"', OVERLAP),
        ("import environ_x", "The settings cannot be checked: No module named 'environ_x'."),
    ],
)
def test_inconsistent_settings_are_refused(tmp_path, change, sentence):
    """A template with such a line in its settings: the hook after rendering reports it."""
    broken = copy_template(tmp_path / "template")
    edit(broken / PROJECT.name, ("config/settings.py", change))
    done = render(tmp_path, template=broken)
    assert done.returncode == 1
    assert sentence in done.stdout
    assert 'settings.py"' not in done.stdout  # no traceback into the project
    assert list((tmp_path / "out").iterdir()) == []


def test_note_on_a_newer_python(tmp_path):
    """A template that requires Python 3.99, rendered by this Python."""
    newer = copy_template(tmp_path / "template")
    edit(newer / PROJECT.name, ("pyproject.toml", r"else '3\.12'", "else '3.99'"))
    done = render(tmp_path, template=newer, django_version="6.1")
    assert done.returncode == 0
    this = f"{sys.version_info.major}.{sys.version_info.minor}"
    note = f"Django 6.1 needs Python 3.99 or newer; this is {this}. uv downloads a newer one."
    assert f"\n{note} The server needs it too: " in done.stdout
    assert "Python" not in render(tmp_path, "-f", template=newer).stdout  # 5.2
