"""Measure the hook, and what the checks add to `manage.py check`, as whole processes."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).parent.parent
HOOK = TEMPLATE / "hooks/post_gen_project.py"
UV = os.environ.get("UV") or shutil.which("uv") or TEMPLATE / ".uv/bin/uv"
ROUNDS = 15
WITHOUT = """
import sys
from files.apps import FilesConfig
FilesConfig.ready = lambda self: None
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check"])
"""


def seconds(*command, cwd: Path, **environment: str) -> float:
    start = time.perf_counter()
    subprocess.run(
        command, cwd=cwd, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def main() -> None:
    """Print medians in milliseconds for a freshly rendered project."""
    os.environ.pop("VIRTUAL_ENV", None)
    with tempfile.TemporaryDirectory() as work:
        rendered = cookiecutter(str(TEMPLATE), no_input=True, default_config=True, output_dir=work)
        project = Path(rendered)
        subprocess.run([UV, "sync", "--quiet"], cwd=project, check=True)
        python = project / ".venv/bin/python"
        environment = {"DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": "x" * 50}
        times: dict[str, list[float]] = {"hook": [], "check": [], "check without files": []}
        for _ in range(ROUNDS):
            times["hook"].append(seconds(sys.executable, "-B", HOOK, cwd=project))
            check = seconds(python, "manage.py", "check", cwd=project, **environment)
            times["check"].append(check)
            without = seconds(python, "-c", WITHOUT, cwd=project, **environment)
            times["check without files"].append(without)
        for name, values in times.items():
            print(f"{name}: {statistics.median(values) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
