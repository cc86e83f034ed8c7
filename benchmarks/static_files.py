"""collectstatic: the first release, one that changes a file, and growth."""

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab import SECRET_KEY, UV, Lab, python, run, seconds
from measure import Row

STORAGES = {
    "this template": "",
    "Django's manifest": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
    "WhiteNoise": "whitenoise.storage.CompressedManifestStaticFilesStorage",
    "ServeStatic": "servestatic.storage.CompressedManifestStaticFilesStorage",
}
SETTINGS = """
from config.settings import *
if backend := "{backend}":
    STORAGES["staticfiles"] = {{"BACKEND": backend}}
STATIC_ROOT = "{root}"
"""


def rows(lab: Lab) -> Iterator[Row]:
    run(UV, "pip", "install", "--quiet", "whitenoise", "servestatic", cwd=lab.project)
    for files, storages in ((130, 4), (5_130, 2)):
        runs = {name: Run(lab, name, files) for name in [*STORAGES][:storages]}
        yield Row(
            f"collectstatic of {files:,} files, the first time",
            "s",
            {name: run.first for name, run in runs.items()},
            "≤ 1.5",
        )
        yield Row(
            f"collectstatic of {files:,} files, a release that changes one",
            "s",
            {name: run.release for name, run in [*runs.items()][:2]},
            "≤ 0.5",
        )


class Run:
    """A project of some number of static files, collected by one storage."""

    def __init__(self, lab: Lab, storage: str, files: int):
        self.lab = lab
        directory = Path(tempfile.mkdtemp(dir=lab.work))
        self.checkout, self.root = directory / "client_site", directory / "static_root"
        shutil.copytree(lab.project, self.checkout, ignore=shutil.ignore_patterns(".venv"))
        shutil.rmtree(self.checkout / "static")
        create_files(self.checkout / "static", files - 130)  # the admin has 130
        settings = SETTINGS.format(backend=STORAGES[storage], root=self.root)
        (self.checkout / "bench.py").write_text(settings)

    def collect(self) -> float:
        return seconds(
            *(python(self.lab.project), "manage.py", "collectstatic", "--noinput", "--verbosity=0"),
            cwd=self.checkout,
            SECRET_KEY=SECRET_KEY,
            STATE_DIR=self.lab.work,
            DJANGO_SETTINGS_MODULE="bench",
        )

    def first(self) -> float:
        shutil.rmtree(self.root, ignore_errors=True)
        (self.checkout / "staticfiles.json").unlink(missing_ok=True)
        os.sync()  # so that no contender waits for the files of another
        return self.collect()

    def release(self) -> float:
        """Collect from files that are new, as in a release, of which one has another content."""
        for file in (self.checkout / "static").rglob("*.*"):
            file.touch()
        with (self.checkout / "welcome/static/welcome/welcome.css").open("a") as file:
            file.write("/* changed */\n")
        return self.collect()


def create_files(directory: Path, number: int) -> None:
    """Create static files: of seven, one is text of some 8 KB, the others are images of 9 KB."""
    random.seed(1)
    words = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(2000)]
    for i in range(number):
        file = directory / f"{i % 50}/{i}"
        file.parent.mkdir(parents=True, exist_ok=True)
        if i % 7:
            file.with_suffix(".png").write_bytes(random.randbytes(8700))
        else:
            rules = (f".{w} {{ {random.choice(words)}: 1; }}" for w in random.choices(words, k=400))
            file.with_suffix(random.choice([".css", ".js", ".svg"])).write_text("\n".join(rules))
    directory.mkdir(exist_ok=True)
