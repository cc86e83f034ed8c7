"""Request sizes: rejected before the body is read, with an explanation."""

from attacks.expect import by_django, by_nginx, refused, status
from attacks.table import case, send
from support.http import read, request

MEGABYTE = 1024 * 1024


def explains_the_limit(response, site):
    assert b"choose a smaller file" in response.body and b"<h1>" in response.body


for name, lines in {
    "declared": [f"Content-Length: {101 * MEGABYTE}"],
    "declared-enormous": ["Content-Length: 999999999999999"],
    "declared-continue": [f"Content-Length: {101 * MEGABYTE}", "Expect: 100-continue"],
    "one-byte-over": [f"Content-Length: {100 * MEGABYTE + 1}"],
}.items():
    send(f"size-{name}", request("/echo/", "POST", lines), status(413), explains_the_limit, by_nginx)


def chunked_flood(site):
    with site.connect() as connection:
        head = request("/echo/", "POST", ["Transfer-Encoding: chunked"])
        connection.sendall(site.encode(head))
        chunk = b"100000\r\n" + b"a" * MEGABYTE + b"\r\n"
        try:
            for _ in range(105):
                connection.sendall(chunk)
        except OSError:
            pass
        response = read(connection)
    assert response is None or response.status == 413


def rejected_by_django(response, site):
    assert by_django(response) and response.status == 403  # no CSRF token


def flood_rejected(response, site):
    """Require Django's own response: nginx must not find the connection closed while it sends."""
    assert response.status == 400


def body_not_read(response, site):
    assert response is None or response.status in {200, 413}


case("size-chunked", chunked_flood)
send("size-within-limit-reaches-django",
     request("/", "POST", ["Content-Type: multipart/form-data; boundary=b"], b"a" * 12 * MEGABYTE),
     rejected_by_django)
for name, fields in {"bytes": b"a=" + b"a" * 3 * MEGABYTE, "number": b"a=1&" * 1200}.items():
    lines = ["Content-Type: application/x-www-form-urlencoded", f"Cookie: csrftoken={'a' * 32}",
             "Referer: https://$DOMAIN/"]
    send(f"size-fields-in-{name}", request("/admin/login/", "POST", lines, fields), flood_rejected)
send("size-body-on-a-file", request("/s/media/u/a.png", "POST", body=b"a" * 2 * MEGABYTE), refused, by_nginx)
send("size-body-of-a-get", request("/s/media/u/a.png", headers=["Content-Length: 99999999"]), body_not_read)
