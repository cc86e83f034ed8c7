"""How fast nginx serves uploads and static files: requests per second of one worker.

Renders a project, serves its files with the nginx of the tests, and measures with wrk. Run by
`make bench`, or with the number of rounds as argument.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent
sys.path.insert(0, str(TEMPLATE / "tests"))

from cookiecutter.main import cookiecutter  # noqa: E402

from support.packages import OWN_RELEASE, fetch_program, find_nginx, version  # noqa: E402
from support.site import Server, free_port, lay_out  # noqa: E402

SIZES = {"1 KB": 1024, "30 KB": 30 * 1024, "1 MB": 1024 * 1024}
CACHE = re.compile(r"open_file_cache max.*\n")
VARIANTS = {
    "as rendered": [],
    "without the file cache": [(CACHE, "open_file_cache off;\n")],
    "without disable_symlinks": [(re.compile("disable_symlinks .*"), "")],
    "without both": [(CACHE, "open_file_cache off;\n"), (re.compile("disable_symlinks .*"), "")],
}


def rate(wrk: str, url: str) -> float:
    """Return the requests per second that wrk measures in one second."""
    output = subprocess.run(
        [wrk, "-t1", "-c32", "-d1s", url], capture_output=True, text=True, check=True
    ).stdout
    assert "Non-2xx" not in output, output
    (number,) = re.findall(r"Requests/sec: *([\d.]+)", output)
    return float(number)


def measure(server: Server, nginx: str, wrk: str, rounds: int) -> None:
    """Print a table: for each size and variant, both rates and the median of their ratios."""
    print("| file | uploads | static, req/s | media, req/s | media / static |")
    print("|---|---|---|---|---|")
    uploads = next(server.root.glob("*/upload_headers.conf"))
    rendered = uploads.read_text()
    for name, size in SIZES.items():
        for kind, file in (("static", "a.0123456789ab.png"), ("media", "a.png")):
            (server.web_root / "s" / kind).mkdir(parents=True, exist_ok=True)
            (server.web_root / "s" / kind / file).write_bytes(os.urandom(size))
        for variant, changes in VARIANTS.items():
            text = rendered
            for pattern, replacement in changes:
                text, count = pattern.subn(replacement, text)
                assert count == 1, variant
            uploads.write_text(text)
            server.start_nginx(nginx)
            pairs = []
            for _ in range(rounds):
                urls = (f"http://{server.domain}:{server.https}/s/static/a.0123456789ab.png",
                        f"http://{server.domain}:{server.https}/s/media/a.png")  # fmt: skip
                pairs.append([rate(wrk, url) for url in urls])
            server.stop_nginx()
            static, media = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(media / static for static, media in pairs)
            print(
                f"| {name} | {variant} | {static:,.0f} | {media:,.0f} | {ratio:.2f} |", flush=True
            )


def main(rounds: int = 5) -> None:
    nginx = find_nginx()
    wrk = shutil.which("wrk") or fetch_program("usr/bin/wrk", OWN_RELEASE, "wrk")
    with tempfile.TemporaryDirectory(prefix="split-") as work:
        root = Path(work)
        root.chmod(0o755)
        context = {"web_root": f"{root}/www", "domain_name": "localhost.localdomain"}
        project = cookiecutter(str(TEMPLATE), no_input=True, default_config=True,
                               output_dir=f"{work}/project", extra_context=context)  # fmt: skip
        ports = free_port(), free_port()
        lay_out(Path(project), root, ports, nginx)
        for file in root.glob("sites-enabled/*.conf"):  # without TLS: its cost is the same
            text = re.sub(r"(listen [\d.:]+) ssl;", r"\1;", file.read_text())
            file.write_text(text.replace("localhost.localdomain", "127.0.0.1"))
        default_server = root / "conf.d/default_server.conf"
        text = re.sub(
            r" ssl (http2 )?default_server", " default_server", default_server.read_text()
        )
        default_server.write_text(text)
        configuration = (root / "nginx.conf").read_text()
        off = re.sub("access_log .*;", "access_log off;", configuration)
        (root / "nginx.conf").write_text(off)
        server = Server(Path(project), root, "127.0.0.1", *ports, Path(), root / "www")
        number = ".".join(map(str, version(nginx)))
        print(f"nginx {number}, one worker, 32 connections, no TLS, no log\n")
        measure(server, nginx, wrk, rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
