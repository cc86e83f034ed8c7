"""Create the static directory, check that the settings are consistent, print the next commands."""

import os
import re
import sys
from pathlib import Path


def check_settings() -> list[str]:
    """Return what is inconsistent in the settings as a server sees them. Django is not needed."""
    for name in ("LOCAL_DEV", "DEBUG", "ALLOWED_HOSTS", "DATABASE_URL", "EMAIL_URL", "MEDIA_DOMAIN",
                 "WEB_ROOT", "STATE_DIR"):  # fmt: skip
        os.environ.pop(name, None)
    os.environ["SECRET_KEY"] = "not used: nothing is signed"
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.getcwd())
    from config import settings
    from files.consistency import Site, problems

    return [f"files.{id}: {message} {hint}" for id, message, hint in problems(Site(settings))]


def python_note() -> str:
    """Return what to know if this Python is older than what the project requires."""
    text = Path("pyproject.toml").read_text()
    (required,) = re.findall(r'^requires-python = ">=3\.(\d+)', text, re.MULTILINE)
    if sys.version_info >= (3, int(required)):
        return ""
    return (
        f"Django {{ cookiecutter.django_version }} needs Python 3.{required} or newer; this is"
        f" {sys.version_info.major}.{sys.version_info.minor}. uv downloads a newer one. The server"
        " needs it too: Debian 12 has 3.11, Ubuntu 24.04 has 3.12, Debian 13 has 3.13."
    )


def main() -> int:
    """Return the exit status: 1 if the settings are inconsistent."""
    static = Path("static")
    static.mkdir(exist_ok=True)
    # git does not keep empty directories, and collectstatic ignores dotfiles.
    (static / ".gitkeep").touch()
    try:
        found = check_settings()
    except ImportError as error:
        found = [f"The settings cannot be checked: {error}. Import it where it is used."]
    if found:
        print(*found, sep="\n", file=sys.stderr)
        return 1
    print("The settings are consistent.")
    if note := python_note():
        print(note)
    if "NO_NEXT_STEPS" not in os.environ:  # the template's Makefile sets it
        print("\nNext:\n\n    cd {{ cookiecutter.project_slug }}\n    make run\n")
    return 0


raise SystemExit(main())
