"""`manage.py probe [URL]`: ask the running site whether static and media are what they should be.

Requests go out as they are written here, raw: a client library would tidy up the very paths that
must be refused. Whatever the probe stores it takes away again.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from django.apps import apps
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError
from django.urls import NoReverseMatch, reverse

from ... import layout

SECONDS = 5
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
TEXT = b"This is a probe of the site's uploads.\n"
PAGE = b"<!doctype html><script>alert(document.domain)</script>"
DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HASHED = re.compile(r"\.[0-9a-f]{12}\.\w+$")


class NoAnswer(Exception):
    """The site could not be asked; the text is a sentence for the user."""


@dataclass
class Answer:
    """What came back: 0 is a connection that was closed without an answer."""

    status: int = 0
    headers: http.client.HTTPMessage = field(default_factory=http.client.HTTPMessage)
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return a header's value, of one that is sent twice both."""
        return ", ".join(self.headers.get_all(name, []))

    @property
    def refused(self) -> bool:
        return self.status == 0 or 400 <= self.status < 500

    @property
    def from_django(self) -> bool:
        """Whether Django answered: nginx alone sends none of its security headers."""
        return "X-Frame-Options" in self.headers or "Cross-Origin-Opener-Policy" in self.headers


@dataclass
class Line:
    """One line of the report; `ok` is None where it could not be asked."""

    name: str
    ok: bool | None
    sentence: str


class Client:
    """Asks one site, or what stands in for it at another address."""

    def __init__(self, url: str, connect: str = "", insecure: bool = False):
        self.url, self.insecure = urlsplit(url), insecure
        self.netloc = self.url.netloc.rpartition("@")[2]
        self.host = self.url.hostname or ""
        port = self.url.port or (443 if self.url.scheme == "https" else 80)
        name, _, number = connect.rpartition(":")
        self.address = (name.strip("[]"), int(number)) if connect else (self.host, port)

    def ask(self, target: str, method: str = "GET", **headers: str) -> Answer:
        """Return the answer to a request whose target is sent as it is. Raises NoAnswer."""
        sent = {"Host": self.netloc, "Connection": "close", "User-Agent": "probe"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in sent.items())]
        where = f"{self.address[0]}:{self.address[1]}"
        try:
            with self._open() as line:
                line.sendall("\r\n".join([*lines, "", ""]).encode())
                response = http.client.HTTPResponse(line, method=method)
                response.begin()
                return Answer(response.status, response.headers, response.read())
        except TimeoutError:
            raise NoAnswer(f"{where} did not answer within {SECONDS} seconds.") from None
        except ssl.SSLCertVerificationError as error:
            raise NoAnswer(
                f"The certificate of {self.host} is not valid: {error.verify_message}. Name"
                " an authority of your own in SSL_CERT_FILE, or look past it with --insecure."
            ) from None
        except socket.gaierror:
            raise NoAnswer(f"{self.address[0]} has no address: is its DNS set?") from None
        except ConnectionRefusedError:
            raise NoAnswer(f"Nothing listens on {where}: is nginx running?") from None
        except (http.client.RemoteDisconnected, ConnectionResetError, ssl.SSLEOFError):
            return Answer()
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "reason", "") == "TLSV1_UNRECOGNIZED_NAME":
                raise NoAnswer(f"{where} knows no site {self.host}: see server_name.") from None
            raise NoAnswer(f"{where} does not speak {self.url.scheme}: {error}.") from None

    def _open(self) -> socket.socket:
        line = socket.create_connection(self.address, timeout=SECONDS)
        # Else each request waits 40 ms for the server to acknowledge the handshake.
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.url.scheme != "https":
            return line
        context = ssl.create_default_context()
        if self.insecure:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            return context.wrap_socket(line, server_hostname=self.host)
        except BaseException:
            line.close()
            raise


class Left:
    """What the probe has stored, so that all of it can be taken away."""

    def __init__(self):
        self.names: list[str] = []
        self.paths: list[Path] = []
        self.folders: list[Path] = []
        self.storing, self.signal = False, 0

    def leave(self, number: int, frame: object) -> None:
        """Handle a signal: end, but not between a file and the note of its name."""
        self.signal = number
        if not self.storing:
            raise SystemExit(128 + number)

    def store(self, ending: str, content: bytes) -> str:
        """Store a file as an upload is stored and return its name."""
        wanted = f"probe/{secrets.token_hex(8)}{ending}"
        with suppress(NotImplementedError):
            folder = Path(default_storage.path(wanted)).parent
            if not folder.exists():
                self.folders.append(folder)
        self.storing = True  # the name is known only when the file is there
        try:
            self.names.append(default_storage.save(wanted, ContentFile(content)))
        finally:
            self.storing = False
        if self.signal:
            raise SystemExit(128 + self.signal)
        return self.names[-1]

    def write(self, path: Path, content: bytes | None = None, link: Path | None = None) -> None:
        """Write a file or a link beside the uploads, under a name that no upload could have."""
        self.paths.append(path)
        if link:
            path.symlink_to(link)
        else:
            path.write_bytes(content)
            path.chmod(0o644)

    def clear(self) -> list[str]:
        """Take everything away; return what could not be."""
        stayed = []
        for name in self.names:
            try:
                default_storage.delete(name)
            except Exception as error:  # a storage may raise what it likes; the rest must go
                stayed.append(f"{name} ({error})")
        for path in self.paths:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                stayed.append(f"{path} ({error})")
        for folder in self.folders:
            with suppress(OSError):  # somebody else's file came into it
                folder.rmdir()
        return stayed


@contextmanager
def cleaning(left: Left) -> Iterator[list[str]]:
    """Clear what is left whatever happens, Ctrl-C, SIGTERM and a lost connection included."""
    stayed: list[str] = []
    caught = [signal.SIGINT, signal.SIGTERM, *filter(None, [getattr(signal, "SIGHUP", None)])]
    before = {number: signal.signal(number, left.leave) for number in caught}
    try:
        yield stayed
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C does not stop the cleaning
        stayed += left.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


class Probe:
    """The questions; each yields lines of the report."""

    def __init__(self, url: str, connect: str, insecure: bool):
        self.site = Client(url, connect, insecure)
        self.insecure = insecure
        # Whether Django serves files there; if not, but here, another machine's site is asked.
        self.local = bool(settings.LOCAL_DEV) and self.site.host in LOOPBACK
        self.remote = bool(settings.LOCAL_DEV) and not self.local
        self.left = Left()
        self.style = b""  # the admin's stylesheet, which ways out of a folder are tried for

    def lines(self) -> Iterator[Line]:
        """Yield the whole report. Raises NoAnswer if the site cannot be reached at all."""
        first = self.site.ask("/")
        loop = first.header("Location") in {"/", self.site.url._replace(path="/").geturl()}
        yield line(
            "application",
            0 < first.status < 500 and first.status != 400 and not loop,
            f"/ is answered with {said(first)}" + (", which leads to itself." if loop else "."),
        )
        for questions in (self.static, self.uploads, self.refusals, self.forged):
            try:
                yield from questions()
            except NoAnswer as error:
                yield Line(questions.__name__, False, str(error))
            except OSError as error:  # a disk that takes no links, or no more files
                yield Line(questions.__name__, None, f"Not all could be tried: {error}.")

    # Static

    def static(self) -> Iterator[Line]:
        if not apps.is_installed("django.contrib.admin"):
            yield Line("admin's stylesheet", None, "There is no admin whose files could be asked.")
            return
        url = settings.STATIC_URL
        client, path = self.client(url), urlsplit(url).path
        name = "admin/css/base.css"
        plain = client.ask(path + name)
        self.style = plain.body if plain.status == 200 else b""
        yield line(
            "admin's stylesheet",
            plain.status == 200 and plain.header("Content-Type").startswith("text/css"),
            f"{url}{name} is {said(plain)}.",
        )
        copy = None if settings.LOCAL_DEV else Path(settings.STATIC_ROOT or "", name)
        if copy and copy.is_file():
            yield line(
                "collected file",
                plain.body == copy.read_bytes(),
                f"{url}{name} has the bytes of {copy}."
                if plain.body == copy.read_bytes()
                else f"{url}{name} is another file than {copy}: run collectstatic, compare root.",
            )
        yield line(
            "static types",
            plain.header("X-Content-Type-Options") == "nosniff" or client is not self.site,
            f"X-Content-Type-Options is {plain.header('X-Content-Type-Options')!r}.",
        )
        hashed = None if self.local else self.stylesheet()
        if hashed is None:
            yield Line("hashed name", None, "There are none with LOCAL_DEV, or no page shows one.")
            return
        answer = self.client(hashed).ask(urlsplit(hashed).path)
        kept = answer.header("Cache-Control")
        copy = Path(settings.STATIC_ROOT or "", urlsplit(hashed).path.removeprefix(path))
        same = self.remote or not copy.is_file() or answer.body == copy.read_bytes()
        yield line(
            "hashed name",
            bool(HASHED.search(hashed)) and answer.status == 200 and same,
            f"{hashed} is {said(answer)}" + ("." if same else f", not {copy}: compare root."),
        )
        short = plain.header("Cache-Control")
        yield line(
            "static caching",
            "immutable" in kept and "immutable" not in short,
            f"Hashed names: {kept or 'nothing'!r}; others: {short or 'nothing'!r}.",
        )
        yield from self.folder(url)
        manifest = client.ask(f"{path}staticfiles.json")
        yield line(
            "manifest",
            manifest.refused,
            f"The list of all static files, {url}staticfiles.json, is {said(manifest)}.",
        )

    def stylesheet(self) -> str | None:
        """Return the address of the admin's stylesheet as the admin's own page names it."""
        try:
            page = self.site.ask(reverse("admin:login"))
        except NoReverseMatch:
            return None
        html = page.body.decode(errors="replace")
        found = re.search(r'href="([^"]*admin/css/base[^"]*\.css)"', html)
        return urljoin(self.site.url.geturl(), found[1]) if found else None

    # Uploads

    def uploads(self) -> Iterator[Line]:
        if reason := self.no_writing():
            yield Line("upload", None, reason)
            yield from self.folder(settings.MEDIA_URL)
            return
        try:
            name = self.left.store(".txt", TEXT)
            page, drawing = self.left.store(".html", PAGE), self.left.store(".svg", DRAWING)
        except PermissionError as error:
            yield Line("upload", None, f"This user may not store one: {error}.")
            return
        except Exception as error:  # a storage may raise what it likes
            yield Line("upload", False, f"It could not be stored: {type(error).__name__}: {error}.")
            return
        url = urljoin(self.site.url.geturl(), default_storage.url(name))
        client = self.client(url)
        answer = client.ask(target(url))
        yield line(
            "upload",
            answer.status == 200 and answer.body == TEXT,
            f"{url} is {said(answer)}, {'' if answer.body == TEXT else 'not '}what was stored.",
        )
        if answer.status != 200:
            return
        yield line(
            "upload's type",
            answer.header("Content-Type").startswith("text/plain"),
            f"A text is {answer.header('Content-Type') or 'nothing'!r}.",
        )
        apart = client is not self.site and not client.host.endswith("." + self.site.host)
        for kind, stored in (("HTML", page), ("SVG", drawing)):
            address = urljoin(self.site.url.geturl(), default_storage.url(stored))
            got = self.client(address).ask(target(address))
            saved = got.header("Content-Disposition").startswith("attachment")
            inert = "html" not in got.header("Content-Type") or apart
            yield line(
                f"{kind} upload",
                got.status == 200 and (apart or (saved and inert)),
                f"It is {got.header('Content-Type')!r}, {got.header('Content-Disposition')!r}"
                + (", on an origin of its own." if apart else "."),
            )
        for header, needed in (
            ("X-Content-Type-Options", "nosniff"),
            ("Content-Security-Policy", "sandbox"),
        ):
            got = answer.header(header)
            yield line(
                f"upload's {header}",
                needed in got or apart,
                f"It is {got!r}." if got else "It is not sent.",
            )
        yield line(
            "upload's caching",
            "immutable" not in answer.header("Cache-Control"),
            f"Cache-Control is {answer.header('Cache-Control')!r}.",
        )
        yield from self.folder(url.rpartition("/")[0] + "/")
        if client is self.site:
            yield from self.ranges(target(url))
            yield from self.beside(name, url)

    def no_writing(self) -> str | None:
        """Return why nothing can be stored from here, or None."""
        if self.remote:
            return f"These are LOCAL_DEV's settings: store one on the server of {self.site.host}."
        try:
            root = Path(default_storage.path(""))
        except Exception:
            return None  # object storage has no paths: whoever has its keys may write
        if not root.is_dir():
            return f"This machine has no {root}: run it on the server."
        return None if os.access(root, os.W_OK) else f"This user may not write to {root}."

    def folder(self, url: str) -> Iterator[Line]:
        answer = self.client(url).ask(urlsplit(url).path)
        yield line("folder", answer.refused, f"A folder, {url}, is {said(answer)}.")

    def ranges(self, path: str) -> Iterator[Line]:
        one = self.site.ask(path, Range="bytes=0-3")
        many = self.site.ask(path, Range="bytes=" + ",".join(f"{n}-{n}" for n in range(0, 30, 2)))
        if self.local:
            return
        yield line(
            "ranges",
            one.status == 206 and one.body == TEXT[:4] and many.status != 206,
            f"One is {said(one)}, fifteen are {said(many)}.",
        )

    def beside(self, name: str, url: str) -> Iterator[Line]:
        """Ask for files that only somebody with access to the folder could put there."""
        try:
            file = Path(default_storage.path(name))
        except NotImplementedError:
            return
        base, token = url.rpartition("/")[0], secrets.token_hex(8)
        self.left.write(file.with_name(f".{token}.txt"), TEXT)
        answer = self.site.ask(target(f"{base}/.{token}.txt"))
        yield line("dotfile", answer.refused, f"A file with a leading dot is {said(answer)}.")

        self.left.write(file.with_name(f"{file.name}.gz"), b"\x1f\x8b another upload")
        answer = self.site.ask(target(url), Accept_Encoding="gzip")
        yield line(
            "another's answer",
            answer.body == TEXT and "Content-Encoding" not in answer.headers,
            "An upload named like another, with .gz, does not answer for it."
            if answer.body == TEXT
            else "An upload named like another, with .gz, answers for it.",
        )

        outside = Path(settings.STATIC_ROOT, "admin/css/base.css")
        outside = outside if outside.is_file() else Path(__file__)
        self.left.write(file.with_name(f"{token}.txt"), link=outside)
        answer = self.site.ask(target(f"{base}/{token}.txt"))
        yield line("link", answer.refused, f"A link out of the media root is {said(answer)}.")

    # What must be refused

    def refusals(self) -> Iterator[Line]:
        token = secrets.token_hex(8)
        for name, path in (
            ("rest of the served URL", f"{layout.SERVED_URL}{token}"),
            ("served URL itself", layout.SERVED_URL),
        ):
            answer = self.site.ask(path)
            asked = answer.from_django and not self.local
            yield line(
                name,
                answer.refused and not asked,
                f"{path} is {said(answer)}" + (", and Django was asked." if asked else "."),
            )
        yield from self.leftover(token)
        # Ways out of a folder that end at a file that is there: a 200 is a way that is open.
        static, media = (urlsplit(u).path for u in (settings.STATIC_URL, settings.MEDIA_URL))
        known = static.removeprefix(layout.SERVED_URL) + "admin/css/base.css"
        ways = [f"{media.rstrip('/')}../{known}", f"{static.rstrip('/')}../{known}"]
        passwd = "etc/passwd"
        for up in ("../", "%2e%2e/", "..%2f", "..\\", "%2e%2e%2f", "..;/"):
            ways += [media + up * 12 + passwd, static + up * 12 + passwd]
        opened = [way for way in ways if self.out(self.site.ask(way))]
        yield line(
            "traversal",
            not opened,
            f"{opened[0]} leads out of its folder."
            if opened
            else f"{len(ways)} ways out of the two folders are refused.",
        )
        hidden = [f"{below}.env" for below in (static, media, layout.SERVED_URL)]
        shown = [path for path in hidden if not self.site.ask(path).refused]
        yield line(
            "names with a dot",
            not shown,
            f"{shown[0]} is not refused." if shown else f"{', '.join(hidden)} are refused.",
        )
        if self.local:
            return
        posted = self.site.ask(static + "admin/css/base.css", "POST", Content_Length="0")
        yield line("methods", posted.status == 405, f"POST to a static file is {said(posted)}.")
        try:
            huge = self.site.ask("/", "POST", Content_Length=str(10**13))
            sentence, ok = f"10 TB are {said(huge)}.", huge.status == 413
        except NoAnswer:
            sentence, ok = "10 TB would be taken: no client_max_body_size.", False
        yield line("body size", ok, sentence)

    def out(self, answer: Answer) -> bool:
        """Return whether an answer is one of the files that no way may lead to."""
        style = self.style and answer.body == self.style
        return answer.status == 200 and bool(style or b"root:" in answer.body)

    def leftover(self, token: str) -> Iterator[Line]:
        """Ask for a file beside static and media, where this user may put one."""
        place = layout.folder(settings.WEB_ROOT, layout.SERVED_URL)
        if settings.LOCAL_DEV or not os.access(place, os.W_OK):
            return
        self.left.write(place / f"{token}.txt", TEXT)
        answer = self.site.ask(f"{layout.SERVED_URL}{token}.txt")
        yield line("leftover", answer.refused, f"A file beside the two folders is {said(answer)}.")

    def forged(self) -> Iterator[Line]:
        if self.local:
            return
        answer = self.site.ask("/", Host="probe.invalid")
        yield line(
            "wrong Host",
            answer.refused and not answer.from_django,
            f"Host probe.invalid is {said(answer)}"
            + (", by Django: nginx let it through." if answer.from_django else "."),
        )
        honest = self.site.ask("/")
        forged = self.site.ask(
            "/", X_Forwarded_Proto="http", X_Forwarded_Host="probe.invalid", X_Forwarded_Port="1"
        )
        same = (forged.status, forged.header("Location")) == (
            honest.status,
            honest.header("Location"),
        )
        yield line(
            "forged headers",
            same,
            f"With forged X-Forwarded headers / is {said(forged)}, without {said(honest)}.",
        )
        server = honest.header("Server")
        yield line("version", not re.search(r"\d", server), f"Server is {server!r}.")

    def client(self, url: str) -> Client:
        """Return the client for a URL's host: the site's own, or that of files elsewhere."""
        parts = urlsplit(url)
        if parts.netloc in {"", self.site.netloc}:
            return self.site
        scheme = parts.scheme or self.site.url.scheme
        return Client(f"{scheme}://{parts.netloc}/", insecure=self.insecure)


def line(name: str, ok: bool, sentence: str) -> Line:
    return Line(name, bool(ok), sentence)


def target(url: str) -> str:
    """Return what a request for a URL asks for: a signed URL keeps its query."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def said(answer: Answer) -> str:
    return str(answer.status) if answer.status else "closed without an answer"


class Command(BaseCommand):
    requires_system_checks = []  # what is wrong with the settings shows on the site
    help = "Ask the running site whether static and media are served, refused and cached rightly."

    def add_arguments(self, parser):
        home = "http://localhost:8000/" if settings.LOCAL_DEV else f"https://{settings.DOMAIN}/"
        parser.add_argument("url", nargs="?", default=home, help=f"the site; default: {home}")
        parser.add_argument(
            "--connect",
            default="",
            metavar="HOST:PORT",
            help="connect there instead: before DNS is set, --connect 127.0.0.1:443",
        )
        parser.add_argument("--insecure", action="store_true", help="accept any certificate")
        parser.add_argument("--json", action="store_true", help="print a list for machines")

    def handle(self, *, url: str, connect: str, insecure: bool, **options):
        if not re.match(r"https?://[^/]", url):
            raise CommandError(f"{url} is no address of a site: type https://{settings.DOMAIN}/")
        if connect and not re.fullmatch(r".+:\d+", connect):
            raise CommandError(f"--connect {connect} is not HOST:PORT, such as 127.0.0.1:443.")
        probe, report = Probe(url, connect, insecure), []
        try:
            with cleaning(probe.left) as stayed:
                for found in probe.lines():
                    report.append(found)
                    if not options["json"]:
                        self.show(found)
        except NoAnswer as error:
            raise CommandError(str(error)) from None
        if stayed:
            report.append(Line("cleaning", False, f"Delete by hand: {', '.join(stayed)}."))
            if not options["json"]:
                self.show(report[-1])
        if options["json"]:
            self.stdout.write(json.dumps([asdict(found) for found in report], indent=2))
        if any(found.ok is False for found in report):
            raise SystemExit(1)

    def show(self, found: Line) -> None:
        mark, style = {
            True: ("✓", self.style.SUCCESS),
            False: ("✗", self.style.ERROR),
            None: ("–", self.style.WARNING),
        }[found.ok]
        self.stdout.write(f"{style(mark)} {found.name:32} {found.sentence}")
