"""HTTP over sockets, byte for byte: requests, responses, forms, and a client that keeps cookies.

Standard library only: traffic.py imports it without pytest.
"""

import html
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass


class Failure(Exception):
    """A response that is missing, cut off or not what a visitor may expect."""


@dataclass
class Response:
    """A response, as received."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    raw: bytes
    complete: bool = True  # whether the body has the length that its header declares

    def __getitem__(self, name: str) -> str | None:
        """The value of a header, several values joined by commas, or None."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None


def request(
    target: str | bytes,
    method="GET",
    headers=(),
    body=b"",
    host="$DOMAIN",
    version="1.1",
    close=True,
) -> bytes:
    """Return the bytes of a request, without a Host header if `host` is None."""
    target = target.encode() if isinstance(target, str) else target
    lines = [f"{method} ".encode() + target + f" HTTP/{version}".encode()]
    if host is not None:
        lines.append(b"Host: " + (host.encode() if isinstance(host, str) else host))
    lines += [line.encode("latin-1") if isinstance(line, str) else line for line in headers]
    if body and not any(line.lower().startswith((b"content-l", b"transfer")) for line in lines):
        lines.append(f"Content-Length: {len(body)}".encode())
    if close:
        lines.append(b"Connection: close")
    return b"\r\n".join([*lines, b"", b""]) + body


def read(connection: socket.socket, head: bool = False) -> Response | None:
    """Return the next response on a connection, or None if it is closed without one."""
    raw = b""

    def more() -> bytes:
        try:
            return connection.recv(65536)
        except (ssl.SSLError, ConnectionError):
            return b""

    while b"\r\n\r\n" not in raw:
        if not (part := more()):
            return Response(0, [], raw, raw) if raw else None  # HTTP/0.9: no header
        raw += part
    top, body = raw.split(b"\r\n\r\n", 1)
    first, *lines = top.decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    response = Response(int(first.split()[1]), headers, b"", b"")
    if response.status == 100:
        return response
    length = response["Content-Length"]
    if head or response.status in {204, 304}:
        length = "0"
    while length is None or len(body) < int(length):
        if length is None and response["Transfer-Encoding"] and body.endswith(b"0\r\n\r\n"):
            break
        if not (part := more()):
            response.complete = length is None and not response["Transfer-Encoding"]
            break
        body += part
    response.raw = top + b"\r\n\r\n" + body
    response.body = unchunked(body) if response["Transfer-Encoding"] else body
    return response


def unchunked(body: bytes) -> bytes:
    """Return the content of a chunked body."""
    content = b""
    while body:
        size, body = body.split(b"\r\n", 1)
        length = int(size.split(b";")[0], 16)
        content, body = content + body[:length], body[length + 2 :]
        if not length:
            break
    return content


def form(fields: dict[str, str], files: dict[str, tuple[bytes, bytes]]) -> tuple[str, bytes]:
    """Return content type and body of a multipart form.

    A file is its name, sent as it is, and its content; its type is declared as PNG.
    """
    boundary = "a-boundary-that-no-file-contains"
    parts = [(f'"{name}"'.encode(), value.encode()) for name, value in fields.items()]
    for name, (filename, content) in files.items():
        top = f'"{name}"; filename="'.encode() + filename + b'"\r\nContent-Type: image/png'
        parts.append((top, content))
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; name=".encode()
        + top + b"\r\n\r\n" + content + b"\r\n"
        for top, content in parts
    )  # fmt: skip
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


class Client:
    """A client with cookies. It follows no redirects and repeats no request."""

    def __init__(self, domain: str, connect: Callable[[], socket.socket], keep_alive: bool = False):
        self.domain = domain
        self.connect = connect
        self.keep_alive = keep_alive
        self.cookies: dict[str, str] = {}
        self.connection: socket.socket | None = None

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        """Return the response; `Content_Type` stands for the header Content-Type.

        Raises Failure if there is none, or a part of one.
        """
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if self.cookies:
            cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            lines.append(f"Cookie: {cookies}")
        data = request(path, method, lines, body, self.domain, close=not self.keep_alive)
        try:
            self.connection = self.connection or self.connect()
            self.connection.sendall(data)
            response = read(self.connection, method == "HEAD")
        except OSError as error:
            self.close()
            raise Failure(f"{method} {path}: {error!r}") from None
        if not response or not response.complete:
            self.close()
            where = "within a response" if response else "without a response"
            raise Failure(f"{method} {path}: connection closed {where}")
        if not self.keep_alive or response["Connection"] == "close":
            self.close()
        for name, value in response.headers:
            if name.lower() == "set-cookie":
                cookie, _, content = value.split(";")[0].partition("=")
                self.cookies[cookie] = content
        return response

    def close(self) -> None:
        """Close the kept connection."""
        if self.connection:
            self.connection.close()
        self.connection = None

    def get(self, path: str, **headers: str) -> Response:
        """Return the response to a GET request."""
        return self.request("GET", path, b"", **headers)

    def post(
        self, path: str, fields: dict[str, str], files: dict[str, tuple[bytes, bytes]] | None = None
    ) -> Response:
        """Submit the form of a page, with its CSRF token."""
        token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path).body)
        if not token:
            raise Failure(f"GET {path}: no form")
        fields = {"csrfmiddlewaretoken": token[1].decode(), **fields}
        content_type, body = form(fields, files or {})
        referer = f"https://{self.domain}{path}"
        return self.request("POST", path, body, Content_Type=content_type, Referer=referer)

    def sign_in(self, username: str, password: str) -> None:
        """Log in through the admin's form."""
        response = self.post("/admin/login/", {"username": username, "password": password})
        if response.status != 302:
            raise Failure(f"sign in: {response.status}")

    def upload(self, image: bytes) -> str:
        """Upload a PNG in the admin, and return its URL from the page, which can be signed."""
        add = "/admin/welcome/photo/add/"
        response = self.post(add, {"_continue": "1"}, {"image": (b"me.png", image)})
        if response.status != 302:
            raise Failure(f"POST {add}: {response.status}")
        page = self.get(response["Location"] or "").body
        link = re.search(rb'href="([^"]+/media/photos/[^"]+\.png[^"]*)"', page)
        if not link:
            raise Failure(f"GET {response['Location']}: no link to the image")
        return html.unescape(link[1].decode())
