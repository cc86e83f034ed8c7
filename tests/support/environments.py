"""Python environments for rendered projects."""

import os
import shutil
import subprocess
from pathlib import Path

from support.commands import CACHE, SERIES, TEMPLATE, UV, cache_locked, run_ok

VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def interpreters() -> dict[str, str]:
    """Return the Pythons of this host by version: those on PATH and pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for version in VERSIONS:
        paths = [*pyenv.glob(f"{version}.*/bin/python"), shutil.which(f"python{version}")]
        for path in filter(None, paths):
            done = subprocess.run([path, "-c", "import venv"], capture_output=True)
            if done.returncode == 0:
                found[version] = str(path)
                break
    return found


def supports(series: str, version: str) -> bool:
    """Return whether a Django series runs on a Python version."""
    return version != "3.11" or series == "5.2"


MATRIX = [
    (series, version) for series in SERIES for version in VERSIONS if supports(series, version)
]


def with_packages(python: Path, name: str, packages: list[str]) -> Path:
    """Return the Python of an environment `name` with what `python` has, and more packages.

    They come without their dependencies, which would install another Django.
    """
    interpreter = CACHE / name / "bin/python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    install = (UV, "pip", "install", "--quiet", "--upgrade", "--python", interpreter, "--no-deps")
    with cache_locked():
        if not interpreter.exists():
            run_ok(UV, "venv", "--quiet", "--python", python, CACHE / name, cwd=TEMPLATE)
        base, own = (run_ok(p, "-c", code, cwd=TEMPLATE).strip() for p in (python, interpreter))
        Path(own, "base.pth").write_text(base)
        run_ok(*install, *packages, cwd=TEMPLATE)
    return interpreter


def with_thumbnails(python: Path, series: str) -> Path:
    """Return the Python of an environment that also has three thumbnail libraries."""
    packages = ["easy-thumbnails", "sorl-thumbnail", "django-imagekit", "pilkit", "django-appconf"]
    return with_packages(python, f"django-{series}-thumbnails", packages)
