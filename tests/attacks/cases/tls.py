"""TLS: handshakes for unknown names, old versions, sessions."""

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


def sessions_resumed(version):
    """Require that clients who return resume their session: a shorter handshake."""

    def run(site):
        previous = ()
        for _ in range(6):
            with site.connect(version=version, resumed=previous) as connection:
                assert connection.session_reused == bool(previous)
                connection.sendall(site.encode(request("/s/")))
                read(connection)  # with TLS 1.3 the session follows the handshake
                previous = connection.context, connection.session

    return run


def clients_cipher(site):
    """A phone prefers ChaCha20, which is faster without AES in hardware; so do others with AES-128."""
    preferred = "ECDHE-ECDSA-CHACHA20-POLY1305"
    ciphers = f"{preferred}:ECDHE-ECDSA-AES256-GCM-SHA384"
    with site.connect(version=ssl.TLSVersion.TLSv1_2, ciphers=ciphers) as connection:
        assert connection.cipher()[0] == preferred


case("tls-cipher-that-the-client-prefers", clients_cipher)
case("sni-unknown-gets-no-certificate", no_handshake(sni="evil.example"))
case("tls-TLSv1", no_handshake(version=ssl.TLSVersion.TLSv1))
case("tls-TLSv1_1", no_handshake(version=ssl.TLSVersion.TLSv1_1))
case("tls-without-forward-secrecy", no_handshake(version=ssl.TLSVersion.TLSv1_2, ciphers="kRSA:@SECLEVEL=0"))
case("tls-cbc", no_handshake(version=ssl.TLSVersion.TLSv1_2, ciphers="ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"))
case("tls-session-tickets", session_tickets)
case("tls-TLSv1_2-sessions-resumed", sessions_resumed(ssl.TLSVersion.TLSv1_2))
case("tls-TLSv1_3-sessions-resumed", sessions_resumed(ssl.TLSVersion.TLSv1_3))
