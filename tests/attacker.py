"""What somebody tries who runs code of his own in the application. Standard library only.

`attacker.py CONTEXT` prints a JSON object: each attempt by its name, and what came of it. CONTEXT
is one too: `home`, `served`, `slug`, `key` (the certificate's) and `nginx` (its process).
"""

import ctypes
import errno
import json
import mmap
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
CLOCK_SETTIME = {"x86_64": 227}.get(platform.machine(), 112)
# A program for 32-bit x86 that does exit(7).
I386 = (
    b"\x7fELF\1\1\1" + bytes(9) + b"\2\0\3\0\1\0\0\0\x54\x80\4\x08\x34\0\0\0" + bytes(8)
    + b"\x34\0\x20\0\1\0\0\0\0\0\0\0" + b"\1\0\0\0\0\0\0\0\0\x80\4\x08\0\x80\4\x08"
    + b"\x60\0\0\0\x60\0\0\0\5\0\0\0\0\x10\0\0" + b"\xbb\7\0\0\0\xb8\1\0\0\0\xcd\x80"
)  # fmt: skip
CAT = "/usr/local/bin/cat-as-root"


def read(path: str):
    def action() -> bytes:
        if content := Path(path).read_bytes():
            return content
        raise PermissionError("there is nothing in it")

    return action


def write(path: str):
    return lambda: Path(path).write_text("x")


def output(*command: str):
    options = {"check": True, "capture_output": True, "stdin": subprocess.DEVNULL}
    return lambda: subprocess.run(command, **options).stdout


def call(function, *arguments) -> None:
    """Call a function of the C library, and raise what it reports."""
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def see_another() -> int:
    """Return a process of another user's, or of the machine's if we are root."""
    found = (int(pid) for pid in os.listdir("/proc") if pid.isdigit())
    return next(pid for pid in found if os.stat(f"/proc/{pid}").st_uid != os.getuid())


def make_setuid() -> None:
    write("/tmp/setuid")()
    os.chmod("/tmp/setuid", 0o4755)


def give_away() -> None:
    write("/tmp/given")()
    os.chown("/tmp/given", os.getuid(), -1)


def leave_open(folder: str):
    def action() -> None:
        path = Path(folder, "x")
        path.write_text("x")
        mode = path.stat().st_mode
        path.unlink()
        if not mode & 0o077:
            raise PermissionError("it is the owner's alone")

    return action


def program_in_memory() -> None:
    with mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC):
        pass


def program_for_32_bits() -> None:
    path = Path("/tmp/i386")
    path.write_bytes(I386)
    path.chmod(0o755)
    ended = subprocess.run([path]).returncode
    if ended != 7:
        raise OSError(f"it ended with {ended}")


def set_clock() -> None:
    """Ask for a time that there is not: whoever may ask is told so."""
    try:
        call(LIBC.syscall, CLOCK_SETTIME, 0, (ctypes.c_long * 2)(0, -1))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


def attempts(home: str, served: str, slug: str, key: str, nginx: int) -> dict:
    """Return what the application's user must not be able to do."""
    return {
        "read own environment file": read(f"/etc/{slug}.env"),
        "read the environment of another service": read("/etc/other_site.env"),
        "read the key of the certificate": read(key),
        "read /etc/shadow": read("/etc/shadow"),
        "read it by a program that is root's": output(CAT, "/etc/shadow"),
        "read a file of another user's": read("/etc/of_another"),
        "read that by a program that is root's": output(CAT, "/etc/of_another"),
        "look into root's home": lambda: os.listdir("/root"),
        "look into a home that is open": read("/home/open/notes"),
        "read the environment of PID 1": read("/proc/1/environ"),
        "see another process": see_another,
        "kill nginx": lambda: os.kill(nginx, 0),
        "read what /proc says of the machine": read("/proc/cpuinfo"),
        "read another service's temporary file": read("/tmp/of_another"),
        "read another service's memory": read("/dev/shm/of_another"),
        "read a device of the machine": read("/dev/of_the_machine"),
        "write a static file": write(f"{served}/static/x.js"),
        "replace a static file": write(f"{served}/static/welcome/welcome.css"),
        "write beside static and media": write(f"{served}/x.html"),
        "write into the checkout": write(f"{home}/checkout/manage.py"),
        "write into the release": write(f"{home}/current/manage.py"),
        "write bytecode": write(f"{home}/current/config/__pycache__/x.pyc"),
        "replace the current link": lambda: os.symlink("/tmp", f"{home}/current.new"),
        "write nginx's configuration": write("/etc/nginx/conf.d/x.conf"),
        "write the site's nginx files": write(f"{home}/current/nginx/site.conf"),
        "write a unit": write("/etc/systemd/system/x.service"),
        "write to /usr": write("/usr/local/bin/x"),
        "write where anybody may": write("/srv/open/x"),
        "take the place of a lock": write("/run/lock/x"),
        "leave what others can read": leave_open(f"/var/lib/{slug}"),
        "become root": lambda: os.setuid(0),
        "mount": output("mount", "-t", "tmpfs", "x", "/tmp"),
        "make a user namespace": output("unshare", "--user", "true"),
        "open a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
        "open a socket to the kernel": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "make a device": lambda: os.mknod("/tmp/device", 0o020666, os.makedev(1, 3)),
        "make a program setuid": make_setuid,
        "give a file away": give_away,
        "write a program into memory": program_in_memory,
        "run a program for 32 bits": program_for_32_bits,
        "trace a process": lambda: call(LIBC.ptrace, 0, 0, 0, 0),
        "change the personality": lambda: call(LIBC.personality, 0x0040000),
        "change the priority": lambda: os.nice(1),
    }


def attempts_of_root() -> dict:
    """Return what not even root may do in the service: nothing of it changes the machine."""
    return {
        "ask for real time": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
        "set the clock": set_clock,
        "set the name of the host": lambda: socket.sethostname(socket.gethostname()),
        "open a tunable": lambda: open("/proc/sys/net/ipv4/ip_forward", "r+b").close(),
        "read a module": read("/usr/lib/modules/x"),
        "read the kernel's log": read("/dev/kmsg"),
        "make a group of processes": lambda: (
            os.mkdir("/sys/fs/cgroup/x"),
            os.rmdir("/sys/fs/cgroup/x"),
        ),
    }


def work(served: str, slug: str, **_) -> dict:
    """Return what the application must be able to do."""
    upload, database = f"{served}/media/x.txt", f"/var/lib/{slug}/x"
    return {
        "write an upload": write(upload),
        "write beside the database": write(database),
        "remove both": lambda: (os.remove(upload), os.remove(database)),
    }


def outcome(action) -> str:
    try:
        return f"done: {str(action())[:60]!r}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:100]


def main(context: dict) -> dict[str, dict[str, str]]:
    tried = {"attempts": attempts(**context) if os.getuid() else attempts_of_root()}
    tried["work"] = work(**context)
    return {
        kind: {name: outcome(action) for name, action in actions.items()}
        for kind, actions in tried.items()
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
