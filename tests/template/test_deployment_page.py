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
    """The deploy script, with the values of its constants in their place."""
    text = (bake() / "deploy/deploy.sh").read_text()
    constants = text[text.index("\nslug=") : text.index("\ncheckout=")]
    for name, value in reversed(re.findall(r"^(\w+)=(\S+)", constants, re.MULTILINE)):
        text = re.sub(rf"\${name}\b", value, text)
    return text


def test_commands_exist(copy_of, script, python):
    project = copy_of()
    makefile = (project / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    variables = set(re.findall(r"\$\{(\w+)[:-]", (project / "deploy/deploy.sh").read_text()))
    tasks = set(
        re.findall(r"[a-z]+", re.search(r"^case \$task in\n(.*)^\*", script, re.M | re.S)[1])
    )
    units = {f"client_site-{file.name}" for file in (project / "deploy/systemd").iterdir()}
    for command in COMMANDS:
        match command.split():
            case ["make", target, *settings]:
                assert target in targets & tasks, command
                assert {setting.partition("=")[0] for setting in settings} <= variables, command
            case ["sh", file, task, name, *_]:
                assert (project / file).is_file() and task in tasks, command
                run_ok(python(), "manage.py", name, "--help", cwd=project, LOCAL_DEV=1)
            case ["systemctl", "restart", unit]:
                assert f"{unit.partition('@')[0]}@.service" in units, command
            case ["journalctl", "-u", "'client_site-*'"]:
                pass
            case _:
                pytest.fail(f"this test does not know {command}")
    for target in re.findall(r"`make ([a-z]+)`", PAGE):
        assert target in targets


def test_steps_of_a_release(script):
    release = script[script.index("\nrelease() {") :]
    steps = re.findall(r'^    step "([A-Z][^"]+)"', release, re.MULTILINE)
    listed = re.findall(r"^\| ([A-Z][^|]+) \|", PAGE.split("| step |")[1].split("\n\n")[0], re.M)
    assert len(listed) == 9
    assert all(step.startswith(name) for step, name in zip(steps, listed, strict=False)), steps


def test_paths_and_messages_exist(bake, script):
    project = bake()
    files = [*project.glob("deploy/**/*.*"), *project.glob("nginx/*"), project / "README.md"]
    texts = [script, *(file.read_text() for file in files)]
    texts += [file.read_text() for file in project.glob("templates/*.html")]
    paths = re.findall(r"`(/[\w./-]+?)/?`", PAGE)
    messages = re.findall(r"^\| `([A-Z][a-z ]+)`", PAGE, re.MULTILINE)
    assert len(paths) >= 12 and len(messages) == 3
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
