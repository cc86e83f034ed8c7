"""Time the rules in a rendered project: the hook's entry, and their share of `manage.py check`."""

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
UV = os.environ.get("UV") or shutil.which("uv") or TEMPLATE / ".uv/bin/uv"
CHECK = """
import time, django
from django.core.checks import run_checks
django.setup()
from files import checks
run_checks()
def once(): checks.check_files(); checks.check_deployment()
times = []
for _ in range(50):
    start = time.process_time(); once(); times.append(time.process_time() - start)
print(sorted(times)[25])
"""


def main() -> None:
    """Print medians for a freshly rendered project."""
    with tempfile.TemporaryDirectory() as work:
        project = cookiecutter(str(TEMPLATE), no_input=True, default_config=True, output_dir=work)
        hook = []
        for _ in range(20):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-B", "-m", "files"], cwd=project, check=True)
            hook.append(time.perf_counter() - start)
        print(f"the hook's entry: {statistics.median(hook) * 1000:.0f} ms")
        environment = {name: v for name, v in os.environ.items() if name != "VIRTUAL_ENV"}
        environment |= {"DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": "x" * 50}
        done = subprocess.run(
            [UV, "run", "--quiet", "python", "-c", CHECK],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        print(f"the rules in manage.py check: {float(done.stdout) * 1000:.1f} ms of CPU")


if __name__ == "__main__":
    main()
