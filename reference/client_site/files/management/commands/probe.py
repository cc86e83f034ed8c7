"""`manage.py probe [URL]`: send requests to a running site and check its responses.

Targets are sent verbatim: a client library would normalize the paths that must be refused.
"""

import base64
import http.client
import itertools
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import ssl
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.core.management.base import BaseCommand, CommandError
from django.urls import NoReverseMatch, reverse

from ... import consistency, layout

STYLE = "admin/css/base.css"
PAGE = b"<!doctype html><script>alert(document.domain)</script>"
# A rule for one extension shows with that extension only.
EXTENSIONS = ("txt", "png", "jpg", "gif", "html", "xhtml", "xml", "svg", "js", "css", "php", "pdf",
              "docx", "zip", "mp4")  # fmt: skip
ACTIVE = re.compile(r"html|\bxml|[+/]xml|javascript|ecmascript")
CLOSED = http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError
Answer = tuple[bool | None, str]  # None: does not apply, or cannot be checked from here


class Response:
    """A response; status 0 is a connection that was closed without one."""

    def __init__(self, status: int = 0, headers=None, body: bytes = b""):
        self.status, self.headers, self.body = status, headers, body
        self.same_origin = self.checked = True

    def __str__(self):
        return str(self.status or "no response")

    def __getitem__(self, name: str) -> str:
        return ", ".join(self.headers.get_all(name, ())) if self.headers else ""

    def danger(self, extension: str) -> str:
        """Return what lets a browser run this upload on the site's origin, or ""."""
        kind, policy = self["Content-Type"], self["Content-Security-Policy"]
        attached = self["Content-Disposition"].startswith("attachment")
        if self.status != 200 or not self.checked:
            return ""
        if self.same_origin and self["X-Content-Type-Options"] != "nosniff":
            return "without nosniff"
        if self.same_origin and ("sandbox" not in policy or "allow-same-origin" in policy):
            return f"with Content-Security-Policy {policy!r}"
        if self.same_origin and ACTIVE.search(kind) and not (attached and "svg" in kind):
            return f"as {kind}"
        return "to open" if extension in {"html", "xhtml", "xml", "svg"} and not attached else ""


class Client:
    """Sends requests to one host, each on a connection of its own."""

    def __init__(self, url: str, connect: str = "", insecure: bool = False, headers=()):
        self.url, self.headers = urlsplit(url), dict(headers)
        self.netloc = self.url.netloc.rpartition("@")[2]
        to = urlsplit(f"//{connect}" if connect else url)
        self.address = to.hostname, to.port or (443 if self.url.scheme == "https" else 80)
        self.context = ssl.create_default_context()
        if insecure:
            self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    def request(self, target: str, method: str = "GET", **headers: str) -> Response:
        """Send a request with the target verbatim and return the response. Raises CommandError."""
        with suppress(*CLOSED), self.connected() as sock:
            sock.sendall(self.head(target, method, **headers))
            response = http.client.HTTPResponse(sock)
            response.begin()
            return Response(response.status, response.headers, response.read())
        return Response()

    def accepts_body(self, target: str, size: int) -> str:
        """Announce a body of a size, and return the first line of the response."""
        with self.connected() as sock:
            sock.sendall(self.head(target, "POST", Content_Length=size, Expect="100-continue"))
            return sock.recv(100).split(b"\r\n")[0].decode(errors="replace")

    def head(self, target: str, method: str, **headers: str | int) -> bytes:
        sent = {"Host": self.netloc, "Connection": "close", "User-Agent": "probe"} | self.headers
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {sent[name]}" for name in sent)]
        return "\r\n".join([*lines, "", ""]).encode()

    @contextmanager
    def connected(self):
        """Connect; raise CommandError if that fails, or if there is no response."""
        try:
            sock = socket.create_connection(self.address, timeout=5)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # saves 40 ms a request
            if self.url.scheme == "https":
                sock = self.context.wrap_socket(sock, server_hostname=self.url.hostname)
            with sock:
                yield sock
        except CLOSED:
            raise
        except (OSError, http.client.HTTPException) as error:
            told = f"{self.url.scheme}://{self.netloc}/ ({self.address[0]} port {self.address[1]})"
            hint = "See --help for --connect and --insecure."
            raise CommandError(f"{told}: {error}. {hint}") from None


class Probe:
    """A site, and what is stored there while it is probed."""

    def __init__(self, url: str, connect: str, insecure: bool, headers: dict[str, str]):
        self.cookie = headers.pop("Cookie", "")  # of a user who may read private uploads
        if user := urlsplit(url).netloc.rpartition("@")[0]:
            user = base64.b64encode(unquote(user).encode()).decode()
            headers = {"Authorization": f"Basic {user}", **headers}
        self.insecure, self.headers = insecure, headers
        self.site = Client(url, connect, insecure, headers)
        self.home = f"{self.site.url.scheme}://{self.site.netloc}/"
        here = self.site.address[0] in {"localhost", "127.0.0.1", "::1"}
        self.local = settings.LOCAL_DEV and here  # Django serves the files
        self.remote = settings.LOCAL_DEV and not here  # nothing can be stored on the server
        self.directory = f"probe-{secrets.token_hex(8)}"
        self.in_bucket = bool(getattr(settings, "MEDIA_BUCKET", ""))
        self.stored, self.private, self.text, self.uploads = [], "", "", {}  # by extension

    def ask(self, question) -> Answer:
        """Return the answer to a question. Errors are answers too: a report never breaks off."""
        if question.__name__.startswith("upload_") and not self.uploads:
            return None, "There is no upload to request."
        try:
            return question(self)
        except NotImplementedError:
            return None, "The storage has no directory on this host."
        except NoReverseMatch:
            return None, "The site has no admin."
        except Exception as error:
            kind = "" if isinstance(error, CommandError) else f"{type(error).__name__}: "
            return False, f"{kind}{error}"

    def get(self, url: str, **headers: str) -> Response:
        """Request a URL from the site, or from the other host that its files are on."""
        parts, client = urlsplit(url), self.site
        if parts.netloc not in {"", self.site.netloc}:
            client = Client(f"{parts.scheme or 'https'}://{parts.netloc}/", "", self.insecure)
        response = client.request(parts._replace(scheme="", netloc="").geturl(), **headers)
        response.same_origin = client is self.site
        response.checked = response.same_origin or self.in_bucket
        return response

    def store(self, storage, extension: str) -> str:
        """Store a file as an upload is stored, and return its name."""
        name = f"{self.directory}/{secrets.token_hex(8)}.{extension}"
        self.stored.append((storage, name))  # for `cleanup`, in case of a signal
        self.stored.append((storage, storage.save(name, ContentFile(PAGE))))
        return self.stored[-1][1]

    def put(self, name: str, content: bytes = PAGE, link: str = "") -> str:
        """Put a file that no visitor could upload beside the uploads, and return its URL."""
        path = Path(default_storage.path(f"{self.directory}/{name}"))
        path.symlink_to(link) if link else path.write_bytes(content)
        return default_storage.url(f"{self.directory}/{name}")

    def refused(self, *targets: str, **headers: str) -> Answer:
        """Check that nginx itself refuses all targets."""
        for target in targets:
            response = self.get(target, **headers)
            if response.status not in {0, *range(400, 500)}:
                return False, f"{target} returns {response}."
            if not self.local and (response["X-Frame-Options"] or b"(400)" in response.body):
                return False, f"{target} reaches Django, which returns {response}."
        return True, f"{targets[0]} is refused."

    def secret_files(self):
        """Yield files that no URL may lead to; with True, only with the headers of uploads."""
        files = [(layout.CHECKOUT / n, False) for n in ("manage.py", "config/settings.py", ".env")]
        files += [(place.path, False) for place in consistency.Site(settings).secrets()]
        for storage, name in self.stored if self.uploads else ():
            if name.endswith(".html"):
                with suppress(NotImplementedError):
                    files.append((Path(storage.path(name)), storage is default_storage))
        yield from (file for file in files if file[0].is_file() and os.access(file[0], os.R_OK))

    def other_clients(self, conf: str):
        """Yield clients for the names and ports of nginx's configuration that respond."""
        names = " ".join(re.findall(r"\bserver_name\s+([^;]+)", conf))
        listens = re.findall(r"\blisten\s+(?:[\d.]+:)?(\d+)([^;]*)", conf)
        for port, words in [] if settings.LOCAL_DEV else dict(listens).items():
            for name in {self.site.url.hostname, *re.findall(r"\w[\w.-]+", names)}:
                url = f"{'https' if 'ssl' in words else 'http'}://{name}:{port}/"
                client = Client(url, f"{self.site.address[0]}:{port}", True, self.headers)
                with suppress(CommandError):
                    if client.request("/").status:
                        yield client


class Questions(Probe):
    """The questions in their order, each a method. They are named with hyphens."""

    def application(self) -> Answer:
        response = self.site.request("/")
        loop = response["Location"] in {"/", self.home}
        ok = 0 < response.status < 500 and response.status != 400 and not loop
        ok = ok and (self.local or not re.search(r"\d", response["Server"]))  # no version
        return ok, f"/ returns {response} {response['Location']!r}, Server {response['Server']!r}."

    def static_file(self) -> Answer:
        reverse("admin:index")  # the stylesheet is there only with the admin
        url, copy = settings.STATIC_URL + STYLE, Path(settings.STATIC_ROOT or "", STYLE)
        response = self.get(url)
        if not settings.LOCAL_DEV and copy.is_file() and response.body != copy.read_bytes():
            return False, f"{url} returns {response}, not the content of {copy}: compare root."
        kind, sniff = response["Content-Type"], response["X-Content-Type-Options"]
        ok = response.status == 200 and kind.startswith("text/css")
        ok = ok and (sniff == "nosniff" or not response.same_origin)
        return ok, f"{url} returns {response}, {kind or 'no type'}, {sniff or 'no nosniff'}."

    def hashed_static_file(self) -> Answer:
        if self.local:
            return None, "With LOCAL_DEV there are no hashed names."
        page = self.site.request(reverse("admin:login")).body.decode(errors="replace")
        url = re.search(r'href="([^"]*admin/css/base\.[0-9a-f]{12}\.css)"', page)
        if not url:
            return False, "The admin's login page has no stylesheet with a hashed name."
        response, other = self.get(url[1]), self.get(settings.STATIC_URL + STYLE)
        caching, short = response["Cache-Control"], other["Cache-Control"]
        ok = response.status == 200 and "immutable" in caching and "immutable" not in short
        return ok, f"{url[1]} returns {response}, cached {caching!r}; other names {short!r}."

    def media_writable(self) -> Answer:
        root = Path(default_storage.path(""))
        if self.remote or (self.local and not root.exists()):
            return None, f"{root} is not the server's."
        for path in [root, *(Path(entry) for entry in os.scandir(root) if entry.is_dir())]:
            if not os.access(path, os.W_OK | os.X_OK):
                return False, f"{path} is not writable for this user."
        return True, f"{root} is writable."

    def upload(self) -> Answer:
        if self.remote:
            return None, "With the settings of LOCAL_DEV nothing can be stored on the server."
        self.uploads = {end: self.store(default_storage, end) for end in EXTENSIONS}
        self.text = default_storage.url(self.uploads["txt"])
        response = self.get(self.text)
        same, caching = response.body == PAGE, response["Cache-Control"]
        ok = response.status == 200 and same and "immutable" not in caching
        return ok, f"{self.text.partition('?')[0]} returns {response}, cached {caching!r}."

    def upload_types(self) -> Answer:
        for extension, name in self.uploads.items():
            response = self.get(default_storage.url(name))
            if danger := response.danger(extension):
                return False, f"A .{extension} upload is sent {danger}."
            if extension == "png" and response.status != 200:
                return False, f"An image returns {response}."
        return True, "No upload runs in a browser on the site's origin."

    def upload_compressed_copy(self) -> Answer:
        self.put(f"{Path(self.text).name}.gz", b"another upload")
        same = self.get(self.text, Accept_Encoding="gzip").body == PAGE
        return same, f"x.txt.gz is {'not ' if same else ''}served as x.txt."

    def upload_directory(self) -> Answer:
        directory, _, name = self.text.rpartition("/")
        files = self.put(".hidden.txt"), self.put("link.txt", link=name)
        return self.refused(*files, f"{directory}/")

    def private_direct(self) -> Answer:
        if "private" not in settings.STORAGES or self.remote:
            return None, "There is no storage of private uploads here."
        self.private = self.store(storages["private"], "html")
        path = layout.PRIVATE_URL + self.private
        targets = [path, urljoin(settings.MEDIA_URL, path)]
        if self.in_bucket:  # the files without a signature, and their list
            private = storages["private"].signed_url(self.private).partition("?")[0]
            targets += [private, private.removesuffix(path[1:])]
            targets += [self.text.partition("?")[0]] if "?" in self.text else []
        return self.refused(*targets)

    def private_by_django(self) -> Answer:
        if not self.cookie or not self.private:
            return None, "Needs a superuser's session: --header 'Cookie: __Host-sessionid=…'."
        response = self.get(storages["private"].url(self.private), Cookie=self.cookie)
        response = self.get(response["Location"]) if response["Location"] else response  # a bucket
        danger = "with another content" if response.body != PAGE else response.danger("html")
        return response.status == 200 and not danger, f"Returns {response} {danger or 'safely'}."

    def other_locations(self) -> Answer:
        """Request secret files by each location, name and port of nginx/."""
        conf = "\n".join(file.read_text() for file in Path(settings.BASE_DIR).glob("nginx/*.conf"))
        conf = re.sub(r"#.*", "", conf)
        prefixes = {"/", *re.findall(r"\blocation\s+[=~^*]*\s*\^?(/[\w./-]*)", conf)}
        prefixes = {prefix if prefix.endswith("/") else f"{prefix}../" for prefix in prefixes}
        clients = [self.site, *self.other_clients(conf)]
        for path, safe in self.secret_files():
            content = path.read_bytes()[:24]  # what follows in a database changes
            tails = [quote("/".join(path.parts[start:])) for start in range(1, len(path.parts))]
            for client, prefix, tail in itertools.product(clients, prefixes, tails):
                response = client.request(prefix + tail)
                found = content and response.body.startswith(content)
                if found and not (safe and not response.danger("html")):
                    return False, f"{client.url.geturl()[:-1]}{prefix}{tail} is {path}."
        return True, f"{len(prefixes)} locations on {len(clients)} hosts and ports are safe."

    def other_urls(self) -> Answer:
        urls, names = (settings.STATIC_URL, settings.MEDIA_URL), ("", ".env", "staticfiles.json")
        ways = ("../", "%2e%2e/", "..%2f", "..\\", "%2e%2e%2f", "..;/")
        names += tuple(way * 12 + "etc/passwd" for way in ways)
        style = urlsplit(urls[0]).path.removeprefix(layout.URL_PREFIX) + STYLE
        targets = [f"{url[:-1]}../{style}" for url in urls]
        targets += [layout.URL_PREFIX, f"{layout.URL_PREFIX}{self.directory}"]
        return self.refused(*targets, *(url + name for url in urls for name in names))

    def body_size(self) -> Answer:
        form, sizes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, [10**13]
        if form is not None:
            sizes.append(form + settings.UPLOAD_LIMIT)
        lines = [self.site.accepts_body(reverse("admin:login"), size) for size in sizes]
        ok = " 413" in lines[0] and not any(" 413" in line for line in lines[1:])
        return ok or self.local, f"Bodies of {sizes} bytes return {lines}."

    def wrong_host(self) -> Answer:
        return self.refused("/", Host="probe.invalid")

    def absolute_url(self) -> Answer:
        response = self.site.request(self.home, Host="probe.invalid")
        ok = response.status == self.site.request("/").status
        return ok or self.local, f"GET {self.home} with another Host returns {response}."

    def forwarded_headers(self) -> Answer:
        forged = {"X_Forwarded_Proto": "http", "X_Forwarded_Host": "probe.invalid"}
        one, other = self.site.request("/"), self.site.request("/", **forged)
        same = (one.status, one["Location"]) == (other.status, other["Location"])
        return same or self.local, f"/ returns {one}, with forged X-Forwarded headers {other}."

    def cleanup(self) -> Answer:
        """Delete what was stored, and whatever was put beside it."""
        for storage, name in self.stored:
            with suppress(Exception):  # delete the others
                storage.delete(name)
                shutil.rmtree(storage.path(self.directory))
        left = [name for storage, name in self.stored if storage.exists(name)]
        return not left, f"Not deleted: {', '.join(left)}." if left else "All uploads are deleted."


QUESTIONS = {n.replace("_", "-"): q for n, q in vars(Questions).items() if n[0] != "_"}


def leave(number: int, frame):
    """Exit on a signal, so that `finally` runs. A second one does not stop the cleanup."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


def header(text: str) -> tuple[str, str]:
    name, value = text.split(":", 1)
    return name, value.strip()


class Command(BaseCommand):
    requires_system_checks = []  # what is wrong with the settings shows in the responses
    help = "Send requests to a running site and check how it serves static files and uploads."

    def run_from_argv(self, argv):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, leave)
        options = shlex.split(os.environ.get("PROBE_OPTIONS", ""))
        if login := os.environ.get("BASIC_AUTH", "").encode():  # of a staging site
            options += ["--header", f"Authorization: Basic {base64.b64encode(login).decode()}"]
        super().run_from_argv([*argv, *options])

    def add_arguments(self, parser):
        home = "http://localhost:8000/" if settings.LOCAL_DEV else f"https://{settings.DOMAIN}/"
        add = parser.add_argument
        add("url", nargs="?", default=home, help=f"URL of the site; default: {home}")
        add("--connect", metavar="HOST:PORT", default="", help="connect there, without DNS")
        add("--insecure", action="store_true", help="accept any certificate")
        add("--header", type=header, action="append", metavar="NAME:VALUE", default=[])
        add("--skip", action="append", choices=QUESTIONS, default=[], help="skip a question")
        add("--json", action="store_true", help="print the report as JSON")

    def handle(self, *, url, connect, insecure, header, skip, **options):
        if not re.fullmatch(r"https?://([^/@]+@)?(\[[^]]+\]|[^/:@]+)(:\d+)?(/.*)?", url):
            raise CommandError(f"{url} is not a valid URL: use https://{settings.DOMAIN}/.")
        if connect and not re.fullmatch(r"(\[[^]]+\]|[^/:@]+):\d+", connect):
            raise CommandError(f"--connect {connect} is not HOST:PORT, such as 127.0.0.1:443.")
        probe, report = Questions(url, connect, insecure, dict(header)), []
        try:
            probe.site.request("/")
            for name, question in QUESTIONS.items():
                ok, told = (None, "Skipped.") if name in skip else probe.ask(question)
                report.append({"name": name, "ok": ok, "sentence": told})
                if not options["json"]:
                    mark = {True: "✓", False: "✗", None: "–"}[ok]
                    self.stdout.write(f"{mark} {name:24} {told}")
        finally:
            probe.ask(Questions.cleanup)  # after an interruption
        if options["json"]:
            self.stdout.write(json.dumps(report, indent=2))
        if any(line["ok"] is False for line in report):
            raise SystemExit(1)
