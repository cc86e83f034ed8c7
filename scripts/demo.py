"""Render the default project and serve it with a superuser. Used by `make demo`."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent
UV = os.environ.get("UV", "uv")
CREATE = """
from django.contrib.auth import get_user_model
users = get_user_model().objects
if not users.filter(username="demo").exists():
    users.create_superuser("demo", password="demo")
"""


def step(title: str) -> None:
    print(f"{title} …", flush=True)


def run(*command: str, cwd: Path, **environment: str) -> None:
    """Run a command of the template's or the project's environment."""
    inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run([UV, *command], cwd=cwd, env=inherited | environment, check=True)


def render(output: Path) -> Path:
    """Render the default project again. Its database and uploads are beside it and are kept."""
    project, marker = output / "client_site", output / ".demo"
    if project.exists() and not marker.exists():
        sys.exit(f"{project} is not from this make demo: delete it, or choose another OUT.")
    output.mkdir(parents=True, exist_ok=True)
    marker.write_text("make demo deletes client_site/ and renders it again.\n")
    for path in project.iterdir() if project.exists() else ():
        if path.name not in (".venv", "uv.lock"):  # slow to create; uv updates them
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    cookiecutter = ("run", "--quiet", "--only-group", "render", "cookiecutter")
    options = ("--no-input", "--default-config", "-f", "-o", str(output))
    run(*cookiecutter, str(TEMPLATE), *options, cwd=TEMPLATE, NO_NEXT_STEPS="1")
    return project


def manage(project: Path, *arguments: str) -> None:
    run("run", "--quiet", "manage.py", *arguments, cwd=project, LOCAL_DEV="1", DEBUG="1")


def free_port() -> int:
    """Return a port on the loopback interface that nothing listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def main(output: str) -> int:
    """Render the project, set it up and serve it until Ctrl-C. Return the exit status."""
    step(f"Rendering the default project into {output}/client_site/")
    project = render(Path(output).resolve())
    step("Installing its dependencies")
    run("sync", "--quiet", cwd=project)
    step("Creating its database")
    manage(project, "migrate", "--verbosity", "0")
    manage(project, "shell", "--verbosity", "0", "--command", CREATE)
    port = free_port()
    print(f"\n    http://127.0.0.1:{port}/    admin: user demo, password demo\n", flush=True)
    manage(project, "runserver", str(port))
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1]))
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from None
    except KeyboardInterrupt:
        raise SystemExit(0) from None
