"""What a response must be: checks for `send`, each gets the response (None: no response) and the site.

A check without parameters is passed as it is, one with parameters is called: `refused`, `status(404)`.
"""

import json
import re

from attacks.files import SECRET


def by_django(response) -> bool:
    return response["X-Django"] is not None


def refused(response, site):
    """No response, or an error."""
    if response:
        assert 400 <= response.status < 500 or response.status == 501
        assert SECRET not in response.raw


def by_nginx(response, site):
    """The request did not reach Django."""
    assert response is None or site.local or not by_django(response)


def connection_closed(response, site):
    assert response is None


def status(*wanted):
    def check(response, site):
        found = response and response.status
        assert found in wanted

    return check


def header(name, wanted):
    """A header's value: equal to `wanted`, matching a pattern, or absent if `wanted` is None."""

    def check(response, site):
        value = response[name]
        if isinstance(wanted, re.Pattern):
            assert value is not None and wanted.fullmatch(value), name
        else:
            assert value == wanted, name

    return check


def cache(wanted):
    """The Cache-Control of nginx: the development server caches nothing."""
    check = header("Cache-Control", wanted)
    return lambda response, site: site.local or check(response, site)


def body(wanted: bytes):
    def check(response, site):
        assert response.body == wanted

    return check


def no_versions(response, site):
    assert response["Server"] == "nginx" and response["X-Powered-By"] is None
    assert not re.search(rb"nginx/\d|unicorn|Django/", response.raw)


def untrusted_upload(content_type: str, disposition: str, corp: str = "same-origin"):
    """The headers of every upload: a known type, and nothing that a browser would execute."""

    def check(response, site):
        status(200, 206)(response, site)
        for name, value in {
            "Content-Type": content_type,
            "Content-Disposition": disposition,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": corp,
            "Content-Encoding": None,
            "Set-Cookie": None,
        }.items():
            header(name, value)(response, site)
        policy = (response["Content-Security-Policy"] or "").split("; ")
        sources = {"default-src 'none'", "img-src 'self'", "media-src 'self'"}
        assert {*policy} == sources | {
            "style-src 'unsafe-inline'",
            "frame-ancestors 'self'",
            "sandbox",
        }
        assert "immutable" not in (response["Cache-Control"] or "")
        by_nginx(response, site)

    return check


def own_host_or_rejected(response, site):
    """The request did not reach Django, or with the site's own name."""
    if response and by_django(response) and response.status == 200:
        assert json.loads(response.body)["meta"]["HTTP_HOST"] == site.domain
    elif response:
        assert 300 <= response.status < 500
        location = response["Location"]
        assert location is None or location.startswith(f"https://{site.domain}/")


OCTET_STREAM = untrusted_upload("application/octet-stream", "attachment")
NOT_FOUND = (status(404), by_nginx)
