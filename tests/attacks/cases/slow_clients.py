"""Slow clients: nginx closes the connection of a client that stops sending."""

from attacks.sites import Site
from attacks.table import case

SECONDS = 15  # nginx's limits are 10
HEADER = b"GET / HTTP/1.1\r\nHost: $DOMAIN\r\n"
BODY = b"POST /echo/ HTTP/1.1\r\nHost: $DOMAIN\r\nContent-Length: 1000\r\n\r\npart"


def disconnected(data: bytes = b"", tls: bool = True, plain_on_the_tls_port: bool = False):
    def run(site: Site) -> None:
        port = site.https if plain_on_the_tls_port else None
        with site.connect(tls=tls, port=port, timeout=SECONDS) as connection:
            connection.sendall(site.encode(data))
            try:
                connection.recv(1)
            except TimeoutError:
                raise AssertionError(f"still connected after {SECONDS} seconds") from None
            except OSError:
                pass

    return run


case("slow-header", disconnected(HEADER), slow=True)
case("slow-header-without-tls", disconnected(HEADER, tls=False), slow=True)
case("slow-silence", disconnected(), slow=True)
case("slow-handshake", disconnected(tls=False, plain_on_the_tls_port=True), slow=True)
case("slow-body", disconnected(BODY), slow=True)
