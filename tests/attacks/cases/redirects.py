"""Redirects to HTTPS, from www and by Django: no host and no header from the client."""

import re

from attacks.expect import connection_closed, header, status
from attacks.files import SCRIPT, files
from attacks.table import send
from support.http import request


def to_the_site(response, site):
    assert response.status == 301
    assert response["Location"].startswith(f"https://{site.domain}/")
    assert response["Set-Cookie"] is None and response["X-Evil"] is None


for name, target in {
    "plain": "/",
    "newline": "/%0d%0aSet-Cookie:%20evil=1",
    "bare-newline": "/%0aX-Evil:%201",
    "body": "/%0d%0a%0d%0a<script>1</script>",
    "unicode-newline": "/%E5%98%8A%E5%98%8DSet-Cookie:%20evil=1",
    "two-slashes": "//evil.example/",
    "backslash": "/\\evil.example/",
    "query": "/?next=https://evil.example/%0d%0aSet-Cookie:evil=1",
    "userinfo": "/@evil.example/",
    "dots": "/.evil.example",
}.items():
    send(f"redirect-{name}", request(target), to_the_site, tls=False)
    send(f"redirect-www-{name}", request(target, host="www.$DOMAIN"), to_the_site, sni="www.$DOMAIN")
send("redirect-with-a-port", request("/", host="$DOMAIN:8080"), to_the_site, tls=False)
send("redirect-from-www", request("/", host="www.$DOMAIN"), to_the_site, tls=False)
send("redirect-www-with-a-port", request("/", host="www.$DOMAIN:8080"), to_the_site, sni="www.$DOMAIN")
send("redirect-unknown-host", request("/", host="evil.example"), connection_closed, tls=False)
send("redirect-absolute-url", request("http://evil.example/"), connection_closed, tls=False)
send("redirect-www-keeps-https", request("/", host="www.$DOMAIN"),
     header("Strict-Transport-Security", re.compile(r"max-age=\d{7,}")), sni="www.$DOMAIN")


def stays_on_the_site(response, site):
    location = response["Location"] or "/"
    assert location.startswith(("/", f"https://{site.domain}/"))
    assert not location.startswith(("//", "/\\"))


for name, target in {
    "two-slashes": "//evil.example/admin",
    "backslash": "/\\evil.example/admin",
    "encoded": "/%2f%2fevil.example/admin",
    "absolute-path": "///evil.example/%2e%2e",
}.items():
    send(f"redirect-by-django-{name}", request(target), stays_on_the_site)
# certbot's files are the only ones without TLS.
files["www/.well-known/acme-challenge/x.html"] = SCRIPT
send("acme-page", request("/.well-known/acme-challenge/x.html"), status(200),
     header("Content-Type", "text/plain"), tls=False)
send("acme-directory", request("/.well-known/acme-challenge/"), status(404), tls=False)
