"""Create the static folder, check that the settings are consistent, say what comes next."""

import subprocess
import sys
from pathlib import Path


def main():
    """Return the exit status: that of the project's own rules (`python -m files`)."""
    static = Path("static")
    static.mkdir(exist_ok=True)
    # git keeps no empty folder, and collectstatic leaves dotfiles out.
    (static / ".gitkeep").touch()

    check = subprocess.run([sys.executable, "-B", "-m", "files"], check=False)
    if check.returncode:
        return check.returncode

    print(
        "The settings are consistent. Next:\n\n"
        "    cd {{ cookiecutter.project_slug }}\n"
        "    make run\n"
    )
    return 0


raise SystemExit(main())
