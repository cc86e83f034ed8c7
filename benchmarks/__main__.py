"""Measure the template beside others and write RESULTS.md: `make bench`.

`make bench ROUNDS=1` and `make bench ONLY="serving uploads"` only print.
"""

import datetime
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent
sys.path.insert(0, str(TEMPLATE / "tests"))

import chart  # noqa: E402
import development  # noqa: E402
import growth  # noqa: E402
import rendering  # noqa: E402
import serving  # noqa: E402
import static_files  # noqa: E402
import uploads  # noqa: E402
from lab import UV, Lab  # noqa: E402
from measure import Row  # noqa: E402

from support.packages import find_nginx, version  # noqa: E402

SUBJECTS = {
    "rendering": rendering.rows,
    "development": development.rows,
    "static_files": static_files.rows,
    "serving": serving.rows,
    "uploads": uploads.rows,
    "growth": growth.growths,
}
HEAD = ["| work | this template | beside | that | ratio [quartiles] | goal |", "|---" * 6 + "|"]
ROUNDS = 7  # fewer are too few to write down
PICTURED = (
    "from the command to the first page",
    "development: a page with 50 static files",
    "collectstatic of 5,130 files, a release that changes one",
)


def main(rounds: int, *only: str) -> None:
    start = time.monotonic()
    rows: list[Row] = []
    growths: list[growth.Growth] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        Path(work).chmod(0o755)  # nginx reads it
        lab = Lab(Path(work))
        for name in only or SUBJECTS:
            for result in SUBJECTS[name](lab):
                if isinstance(result, Row):
                    result.measure(rounds)
                    rows.append(result)
                    print(result.markdown(), flush=True)
                else:
                    growths.append(result)
                    print(result.markdown(), flush=True)
    minutes = f"`make bench` took {(time.monotonic() - start) / 60:.0f} minutes"
    if rounds >= ROUNDS and not only:
        lines = ["# Results of `make bench`", "", f"{machine()} {rounds} rounds; {minutes}.", ""]
        lines += ["For times a ratio below 1 is faster, for rates one above 1.", "", *HEAD]
        lines += [*(row.markdown() for row in rows), "", "![Curves of growth](growth.svg)", ""]
        lines += [growth.markdown() for growth in growths]
        (TEMPLATE / "benchmarks/RESULTS.md").write_text("\n".join(lines))
        (TEMPLATE / "docs/benchmarks.svg").write_text(
            chart.bars([row for row in rows if row.work in PICTURED])
        )
        (TEMPLATE / "benchmarks/growth.svg").write_text(chart.curves(growths))


def machine() -> str:
    """Return the host and the versions of what was measured."""
    uv = subprocess.run([UV, "--version"], capture_output=True, text=True).stdout.split()[1]
    nginx = ".".join(map(str, version(find_nginx())))
    cpu = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    today = datetime.date.today().isoformat()
    python = platform.python_version()
    return f"{today}: {len(cpu)} × {cpu[0]}, Python {python}, uv {uv}, nginx {nginx}."


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
