"""Time the rules in a rendered project: the hook's entry, and their share of `manage.py check`.

Usage: python benchmarks/rules.py PROJECT PYTHON, with a Python that has the project's dependencies.
"""

import os
import statistics
import subprocess
import sys
import time

CHECK = """
import time, django
from django.core.checks import run_checks
django.setup()
from split import checks
run_checks()
def once(): checks.check_split(); checks.check_deployment()
times = []
for _ in range(50):
    start = time.process_time(); once(); times.append(time.process_time() - start)
print(sorted(times)[25])
"""


def main(project: str, python: str) -> None:
    """Print medians, with what the issue allows."""
    python = os.path.abspath(python)
    hook = []
    for _ in range(20):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-B", "-m", "split"], cwd=project, check=True)
        hook.append(time.perf_counter() - start)
    print(f"hook's entry: {statistics.median(hook) * 1000:.0f} ms (allowed: 300)")
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": "x" * 50}
    done = subprocess.run(
        [python, "-B", "-c", CHECK],
        cwd=project,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    print(f"rules in manage.py check: {float(done.stdout) * 1000:.1f} ms (allowed: 20)")


main(*sys.argv[1:])
