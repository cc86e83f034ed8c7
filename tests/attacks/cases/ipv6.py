"""IPv6: the same servers, the default server among them."""

from attacks.cases.tls import no_handshake
from attacks.expect import connection_closed, status
from attacks.sites import Site
from attacks.table import case
from support.http import request


def sent(data: bytes, check, **connection):
    def run(site: Site) -> None:
        check(site.raw(data, address="::1", **connection), site)

    return run


case("ipv6-page", sent(request("/"), status(200)))
case("ipv6-www", sent(request("/", host="www.$DOMAIN"), status(301), sni="www.$DOMAIN"))
case("ipv6-without-tls", sent(request("/"), status(301), tls=False))
case("ipv6-media-domain", sent(request("/", host="$MEDIA_DOMAIN"), status(404), sni="$MEDIA_DOMAIN"))
case("ipv6-media-domain-without-tls", sent(request("/", host="$MEDIA_DOMAIN"), status(301), tls=False))
case("ipv6-unknown-host", sent(request("/", host="evil.example"), connection_closed, tls=False))
case("ipv6-sni-unknown-gets-no-certificate", no_handshake(sni="evil.example", address="::1"))
