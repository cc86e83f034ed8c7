"""Limits for each client address: attempts to sign in, and concurrent requests.

The attackers' loopback addresses are no other case's.
"""

import select
import ssl
import time
from contextlib import ExitStack

from attacks.cases.slow_clients import BODY
from attacks.sites import Site
from attacks.table import case
from support.http import read, request

LOGIN = request("/accounts/login/", "POST", headers=["Content-Length: 0"])


def sign_in_attempts(site: Site) -> None:
    with ExitStack() as stack:
        # With TLS 1.3, sessions would arrive too: only a response must be readable.
        options = {"client": "127.0.0.3", "version": ssl.TLSVersion.TLSv1_2}
        attempts = [stack.enter_context(site.connect(**options)) for _ in range(40)]
        for attempt in attempts:
            attempt.sendall(site.encode(LOGIN))
        time.sleep(1)  # nginx keeps 15 waiting
        responses = [read(attempt) for attempt in select.select(attempts, [], [], 0)[0]]
        refused = [response for response in responses if response and response.status == 429]
        assert len(refused) >= 20
        assert b"Too many requests" in refused[0].body
        assert refused[0]["Cache-Control"] == "no-store"
        page = site.raw(request("/"), client="127.0.0.3")  # others behind the same address
        assert page and page.status == 200
        other = site.raw(LOGIN, client="127.0.0.5")
        assert other and other.status == 403  # by Django: without a token


def concurrent_requests(site: Site) -> None:
    with ExitStack() as stack:
        slow = []
        for number in range(210):
            slow.append(stack.enter_context(site.connect(client="127.0.0.4")))
            slow[-1].sendall(site.encode(BODY))
            if number % 20 == 19:  # nginx waits for 10 seconds
                for connection in slow:
                    connection.sendall(b"x")
        refused = site.raw(request("/"), client="127.0.0.4")
        assert refused and refused.status == 429
        page = site.raw(request("/"), client="127.0.0.5")
        assert page and page.status == 200


case("limits-sign-in-attempts", sign_in_attempts)
case("limits-concurrent-requests", concurrent_requests, slow=True)
