"""docs/deployment.md: its commands, steps, paths and messages are those of a rendered project."""

import re

import pytest

from support.commands import TEMPLATE, run_ok

PAGE = (TEMPLATE / "docs/deployment.md").read_text()
COMMANDS = [
    line.partition(" #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture
def script(bake) -> str:
    """The deploy script and its parts, with the values of its constants in their place."""
    parts = ("install.sh", "backup.sh", "deploy.sh")
    text = "".join((bake() / "deploy" / part).read_text() for part in parts)
    constants = text[text.index("\nhome=") : text.index("\nstep()")]
    shown = run_ok("sh", "-c", f"checkout=/srv/client_site/checkout{constants}\nset", cwd="/")
    for name in re.findall(r"^(\w+)=", constants, re.MULTILINE):
        value = re.search(rf"^{name}='(.*)'$", shown, re.MULTILINE)[1]
        text = re.sub(rf"\${name}\b", value, text)
    return text


def test_commands_exist(copy_of, script, python):
    project = copy_of()
    makefile = (project / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    texts = "".join(file.read_text() for file in (project / "deploy").glob("*.sh"))
    variables = set(re.findall(r"\$\{(\w+)[:-]", texts))
    tasks = set(
        re.findall(r"[a-z]+", re.search(r"^case \$task in\n(.*)^\*", script, re.M | re.S)[1])
    )
    units = {f"deploy-client_site-{file.name}" for file in project.glob("deploy/systemd/root/*")}
    for command in COMMANDS:
        match command.split():
            case ["make", target, *settings]:
                assert target in targets & tasks, command
                assert {setting.partition("=")[0] for setting in settings} <= variables, command
            case ["sh", file, task, name, *_]:
                assert (project / file).is_file() and task in tasks, command
                run_ok(python(), "manage.py", name, "--help", cwd=project, LOCAL_DEV=1)
            case ["systemctl", "enable", "--now", unit]:
                assert unit in units, command
            case ["journalctl", "-u", "'client_site-*'"]:
                pass
            case _:
                pytest.fail(f"this test does not know {command}")
    for target in re.findall(r"`make ([a-z]+)`", PAGE):
        assert target in targets


def test_steps_of_a_release(script):
    release = script[script.index("\nrelease() {") : script.index("\nrestart() {")]
    steps = re.findall(r'^    step "([A-Z][^"]+)"', release, re.MULTILINE)
    listed = re.findall(r"^\| ([A-Z][^|]+) \|", PAGE.split("| step |")[1].split("\n\n")[0], re.M)
    assert len(listed) == 10
    assert all(step.startswith(name) for step, name in zip(steps, listed, strict=False)), steps


def test_paths_and_messages_exist(bake, script):
    project = bake()
    files = [*project.glob("deploy/**/*.*"), *project.glob("nginx/*"), project / "README.md"]
    texts = [script, *(file.read_text() for file in files)]
    texts += [file.read_text() for file in project.glob("templates/*.html")]
    paths = re.findall(r"`(/[\w./-]+?)/?`", PAGE)
    messages = re.findall(r"^\| `([A-Z][a-z ]+)`", PAGE, re.MULTILINE)
    assert len(paths) >= 12 and len(messages) == 4
    for text in (*paths, *messages):
        assert any(text in other for other in texts), text


def test_owners_and_modes(script):
    """Of directories that the script creates; test_server.py looks at them on a host."""
    rows = re.findall(r"^\| `(\S+)` \|.*\| (\w+), (7\d\d) \|", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for path, user, mode in rows:
        lines = script.replace('"', "").splitlines()
        (created,) = [line for line in lines if re.search(rf" install -d .*{path}( |$)", line)]
        owner = re.search(r"-o (\w+)", created)
        assert f"-m {mode} " in created and user == (owner[1] if owner else "root"), path
