"""No version numbers, in any response."""

from attacks.expect import header, no_versions, status
from attacks.table import case, send
from support.http import read, request

for name, target, options in (
    ("page", "/", {}),
    ("missing-page", "/nowhere/", {}),
    ("static", "/s/static/welcome/welcome.css", {}),
    ("missing-file", "/s/nothing", {}),
    ("upload", "/s/media/u/a.png", {}),
    ("refused-method", "/s/media/u/a.png", {"method": "POST"}),
    ("bad-request", "/%zz", {}),
    ("long-url", "/" + "a" * 9000, {}),
    ("too-large", "/", {"method": "POST", "headers": ["Content-Length: 999999999"]}),
):
    send(f"version-{name}", request(target, **options), no_versions)
send("version-redirect", request("/"), no_versions, tls=False)
send("version-redirect-www", request("/", host="www.$DOMAIN"), no_versions, sni="www.$DOMAIN")
send("version-page-is-not-compressed", request("/", headers=["Accept-Encoding: gzip"]), status(200),
     header("Content-Encoding", None))
send("version-bad-request-to-default-server", b"GET /\0 HTTP/1.1\r\n\r\n", no_versions, tls=False)


def plain_on_the_tls_port(site):
    with site.connect(tls=False, port=site.https) as connection:
        connection.sendall(site.encode(request("/echo/")))
        response = read(connection)
    if response:
        assert response.status == 400
        no_versions(response, site)


case("version-plain-request-on-the-tls-port", plain_on_the_tls_port)
