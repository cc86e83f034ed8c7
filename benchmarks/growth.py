"""How work grows: static files of a release, uploads in one directory, files of a page."""

import itertools
import os
import statistics
from collections.abc import Iterator

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


def tables(lab: Lab) -> Iterator[tuple[str, str, list[tuple]]]:
    """Yield title, columns and rows of each table."""
    yield "collectstatic", "files | first run, s | ms a file", [*collect(lab)]
    yield (
        "uploads in one directory",
        "uploads | store one of 20 KB, ms | read it, ms | list the directory, s",
        [*uploads(lab)],
    )
    yield "a development page", "static files | this template, ms | Django, ms", [*pages(lab)]


def markdown(title: str, columns: str, rows: list[tuple]) -> str:
    """Return a heading and a table."""
    lines = [f"## Growth: {title}", "", f"| {columns} |", "|---" * len(rows[0]) + "|"]
    for first, *others in rows:
        lines.append(f"| {first:,} | {' | '.join(f'{value:.3g}' for value in others)} |")
    return "\n".join([*lines, ""])


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
