"""Count what a rendered project consists of: `uv run scripts/size.py DIRECTORY`."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

UV = os.environ.get("UV") or shutil.which("uv") or Path(__file__).parent.parent / ".uv/bin/uv"
LOCKS = {"uv.lock", "package-lock.json"}


def text_files(project: Path) -> list[Path]:
    """Return the text files of a project that git would track, without lock files."""
    with tempfile.TemporaryDirectory() as empty:
        git = ("git", "-c", "core.excludesFile=", f"--git-dir={empty}", f"--work-tree={project}")
        subprocess.run([*git, "init", "--quiet"], check=True)
        command = [*git, "ls-files", "-z", "--others", "--exclude-standard"]
        output = subprocess.run(command, cwd=project, check=True, capture_output=True).stdout
    files = [project / name for name in output.decode().split("\0") if name]
    return [f for f in files if f.name not in LOCKS and b"\0" not in f.read_bytes()]


def lines(project: Path) -> int:
    """Return the number of lines in these files."""
    return sum(file.read_bytes().count(b"\n") for file in text_files(project))


def dependencies(project: Path) -> list[str]:
    """Return the direct dependencies of a project, without those of development."""
    return tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]


def distributions(project: Path, python: str = "") -> list[str]:
    """Install what a project needs without development, and return the distributions' names."""
    with tempfile.TemporaryDirectory() as work:
        for name in ("pyproject.toml", "uv.lock"):
            if (project / name).exists():
                shutil.copy(project / name, work)
        environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
        choice = ["--python", python] if python else []
        sync = [UV, "sync", "--quiet", "--no-dev", *choice]
        subprocess.run(sync, cwd=work, env=environment, check=True)
        command = [UV, "pip", "list", "--quiet", "--format", "json", "--python", f"{work}/.venv"]
        output = subprocess.run(command, check=True, capture_output=True).stdout
    return [distribution["name"] for distribution in json.loads(output)]


if __name__ == "__main__":
    project = Path(sys.argv[1]).resolve()
    print(f"{len(text_files(project))} files with {lines(project)} lines")
    print(f"{len(dependencies(project))} direct dependencies")
    print(f"{len(distributions(project))} installed distributions")
