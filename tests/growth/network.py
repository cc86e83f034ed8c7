"""Servers with addresses of their own: network namespaces on a bridge of this host. Needs root."""

import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from support.commands import skip_or_fail

PORT = 8000
NUMBERS = itertools.count()


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@dataclass
class Namespace:
    """A network namespace with one address."""

    name: str
    address: str

    @property
    def command(self) -> list[str]:
        """The start of a command that runs in it."""
        return ["ip", "netns", "exec", self.name]

    def unplug(self) -> None:
        """Drop all packets: the server was switched off, nothing refuses a connection."""
        ip("link", "set", self.name, "down")

    def plug(self) -> None:
        ip("link", "set", self.name, "up")

    def listen(self) -> socket.socket:
        """Return a socket that listens in it, as systemd opens that of web.socket."""
        found = []

        def listen() -> None:
            with open(f"/run/netns/{self.name}") as namespace:
                if ctypes.CDLL(None).setns(namespace.fileno(), 0):  # this thread only
                    return
            found.append(socket.create_server((self.address, PORT), backlog=4096))

        thread = threading.Thread(target=listen)
        thread.start()
        thread.join()
        return found[0]


@contextmanager
def network(size: int):
    """Yield the address of a bridge, where nginx and the database are, and namespaces on it."""
    if os.geteuid() or not shutil.which("ip"):
        skip_or_fail("network namespaces need root and iproute2")
    bridge = f"split{os.getpid()}x{next(NUMBERS)}"
    subnet = f"10.77.{os.getpid() % 256}"
    with ExitStack() as stack:
        ip("link", "add", bridge, "type", "bridge")
        stack.callback(ip, "link", "delete", bridge)
        ip("address", "add", f"{subnet}.1/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        namespaces = []
        for number in range(2, 2 + size):
            name = f"{bridge}-{number}"
            inside = ["-netns", name]
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
            ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", name, "master", bridge, "up")
            ip(*inside, "address", "add", f"{subnet}.{number}/24", "dev", "eth0")
            ip(*inside, "link", "set", "lo", "up")
            ip(*inside, "link", "set", "eth0", "up")
            namespaces.append(Namespace(name, f"{subnet}.{number}"))
        yield f"{subnet}.1", namespaces
