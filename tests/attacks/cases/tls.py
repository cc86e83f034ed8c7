"""TLS: handshakes for unknown names, old versions, session tickets."""

import ssl

from attacks.table import case
from support.http import read, request


def no_handshake(**connection):
    def run(site):
        try:
            site.connect(**connection).close()
        except (ssl.SSLError, ConnectionError):
            return
        raise AssertionError("the TLS handshake succeeded")

    return run


def session_tickets(site):
    with site.connect(version=ssl.TLSVersion.TLSv1_2) as connection:
        connection.sendall(site.encode(request("/s/")))
        read(connection)
        assert not connection.session.has_ticket


case("sni-unknown-gets-no-certificate", no_handshake(sni="evil.example"))
case("tls-TLSv1", no_handshake(version=ssl.TLSVersion.TLSv1))
case("tls-TLSv1_1", no_handshake(version=ssl.TLSVersion.TLSv1_1))
case("tls-session-tickets", session_tickets)
