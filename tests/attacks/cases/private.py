"""Private uploads: only through a view that authorizes the request."""

from urllib.parse import quote

from attacks.expect import OCTET_STREAM, body, by_nginx, refused, status, untrusted_upload
from attacks.files import SECRET, directory, files, symlink
from attacks.sites import Site
from attacks.table import case, send
from support.http import request
from support.images import PNG

files |= {
    "private/face.png": PNG,
    "private/.hidden": SECRET,
    "private/odd name é%2f?#.txt": SECRET,
    "private/directory": directory,
    "private/symlink.txt": symlink("www/secret.txt"),
}
for name, target in {
    "plain": "/s/private/paper.html",
    "directory": "/s/private/",
    "without-slash": "/s/private",
    "encoded": "/s/%70rivate/paper.html",
    "two-slashes": "//s//private//paper.html",
    "dots": "/s/media/../private/paper.html",
    "encoded-dots": "/s/media/%2e%2e/private/paper.html",
    "encoded-slash": "/s%2fprivate%2fpaper.html",
    "dot-segment": "/./s/./private/./paper.html",
    "below-media": "/s/media/private/paper.html",
    "off-by-slash": "/s/media../private/paper.html",
    "query": "/s/private/paper.html?a",
    "upper-case": "/s/PRIVATE/paper.html",
    "dotfile": "/s/private/.hidden",
}.items():
    send(f"private-{name}", request(target), refused, local=True)
INCLUDE = '<!--#include virtual="/s/private/paper.html" -->'
send("private-server-side-include", request(f"/repeat/?text={quote(INCLUDE)}"), status(200),
     body(INCLUDE.encode()))
for name, value in {
    "X-Accel-Redirect": "/s/private/paper.html",
    "X-Sendfile": "/s/private/paper.html",
    "X-Original-URL": "/s/private/paper.html",
    "Referer": "https://$DOMAIN/admin/",
}.items():
    send(f"private-header-{name}", request("/s/private/paper.html", headers=[f"{name}: {value}"]),
         refused, by_nginx, local=True)
for method in ("POST", "HEAD", "PUT"):
    send(f"private-{method}", request("/s/private/paper.html", method), refused, local=True)


def to_the_login(response, site):
    assert response.status == 302 and "login" in response["Location"]
    assert SECRET not in response.raw


def not_cacheable(response, site):
    assert {"private", "no-store"} <= {*response["Cache-Control"].split(", ")}


def hides_internal_url(response, site):
    assert response["X-Accel-Redirect"] is None and b"/s/private" not in response.raw


VISITOR = ["Cookie: $VISITOR"]
STAFF = ["Cookie: $STAFF"]
for name, target, session, *checks in (
    ("view-anonymous", "/papers/paper.html", [], to_the_login),
    ("admin-view-anonymous", "/admin/private/paper.html", [], to_the_login),
    ("admin-view-without-staff-status", "/admin/private/paper.html", VISITOR, to_the_login),
    ("view-logged-in", "/papers/paper.html", VISITOR,
     OCTET_STREAM, body(SECRET), not_cacheable, hides_internal_url),
    ("admin-view-staff", "/admin/private/paper.html", STAFF, OCTET_STREAM, body(SECRET), not_cacheable),
    ("image-is-inline", "/papers/face.png", VISITOR, untrusted_upload("image/png", "inline"), body(PNG)),
    ("odd-name", "/papers/" + quote("odd name é%2f?#.txt"), VISITOR, body(SECRET)),
    ("view-missing", "/papers/none.txt", VISITOR, status(404)),
    ("view-directory", "/papers/directory", VISITOR, status(404)),
):
    send(f"private-{name}", request(target, headers=session), *checks, local=True)
def session_of_a_subdomain(site: Site) -> None:
    """Another subdomain can set a cookie for the domain, but not with the prefix __Host-."""
    value = site.staff.partition("=")[2]
    response = site.raw(request("/papers/paper.html", headers=[f"Cookie: sessionid={value}"]))
    to_the_login(response, site)


case("private-session-of-a-subdomain", session_of_a_subdomain)
for name, path in {
    "traversal": "../secret.txt",
    "encoded-traversal": "%2e%2e/secret.txt",
    "all-encoded-traversal": "..%2fsecret.txt",
    "twice-encoded": "%252e%252e%252fsecret.txt",
    "absolute": "/etc/passwd",
    "absolute-encoded": "%2fetc%2fpasswd",
    "nul": "paper.html%00",
    "dotfile": ".hidden",
    "symlink": "symlink.txt",
    "newline": "paper.html%0d%0aX-Evil:1",
}.items():
    send(f"private-view-{name}", request(f"/papers/{path}", headers=VISITOR), refused, local=True)
