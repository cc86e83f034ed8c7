"""How work grows: static files of a release, uploads in one directory, files of a page."""

import itertools
import os
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from development import hosts, page
from lab import SECRET_KEY, Lab, python, run
from static_files import Run

STATIC = (130, 1_000, 10_000, 50_000)
UPLOADS = (1_000, 10_000, 100_000, 1_000_000)
PAGE = (1, 10, 50, 200)
STORE = """
import os, time
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage as storage
names = [storage.save("many/a.jpg", ContentFile(b"x" * 20_000)) for _ in range(100)]
def each(work):
    start = time.perf_counter()
    for name in names:
        work(name)
    return (time.perf_counter() - start) * 10  # ms each
store = each(lambda name: storage.save(name, ContentFile(b"x" * 20_000)))
read = each(lambda name: storage.open(name).read())
start = time.perf_counter()
storage.listdir("many")
print(store, read, time.perf_counter() - start)
"""


@dataclass
class Growth:
    """A kind of work at several sizes. The first column of `rows` is the size."""

    title: str
    sentence: str
    columns: list[str]
    rows: list[tuple[float, ...]]

    def markdown(self) -> str:
        lines = [f"## Growth: {self.title}", "", self.sentence, ""]
        lines += [f"| {' | '.join(self.columns)} |", "|---" * len(self.columns) + "|"]
        for size, *values in self.rows:
            lines.append(f"| {size:,} | {' | '.join(f'{value:.3g}' for value in values)} |")
        return "\n".join([*lines, ""])


def growths(lab: Lab) -> Iterator[Growth]:
    yield Growth(
        "collectstatic, the first time",
        "Linear, until Django's search for each name in a list of those before outweighs the rest.",
        ["files", "s", "ms a file"],
        [*collect(lab)],
    )
    yield Growth(
        "uploads in one directory",
        "Storing and reading are flat: a random name is never searched for. Listing is linear.",
        ["uploads", "store one of 20 KB, ms", "read it, ms", "list the directory, s"],
        [*uploads(lab)],
    )
    yield Growth(
        "a development page",
        "Linear in the files; Django's own server waits 40 ms for each on a kept connection.",
        ["static files", "this template, ms", "Django, ms"],
        [*pages(lab)],
    )


def collect(lab: Lab) -> Iterator[tuple]:
    for files in STATIC:
        duration = Run(lab, "this template", files).first()
        yield files, duration, duration / files * 1000


def uploads(lab: Lab) -> Iterator[tuple]:
    web_root = lab.work / "grown"
    directory = web_root / "s/media/many"
    directory.mkdir(parents=True)
    settings = {"SECRET_KEY": SECRET_KEY, "WEB_ROOT": web_root, "STATE_DIR": lab.work}
    for before, number in itertools.pairwise((0, *UPLOADS)):
        for upload in range(before, number):
            os.close(os.open(directory / f"{upload:022}.jpg", os.O_CREAT | os.O_WRONLY))
        command = (python(lab.project), "manage.py", "shell", "--verbosity=0", "--command", STORE)
        yield number, *map(float, run(*command, cwd=lab.project, **settings).split())


def pages(lab: Lab) -> Iterator[tuple]:
    with hosts(lab) as found:
        for files in PAGE:
            times = [[page(*host, files) for _ in range(7)] for host in found.values()]
            yield files, *map(statistics.median, times)
