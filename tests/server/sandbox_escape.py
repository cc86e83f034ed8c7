"""What attackers try who run their own code in the application. Standard library only.

`sandbox_escape.py CONTEXT` prints a JSON object: the name of each attempt and its outcome. CONTEXT
is a JSON object too: `home`, `public`, `slug`, `key` (of the certificate) and `nginx` (its process
id).
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
# A program for 32-bit x86 that calls exit(7).
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
        raise PermissionError("the file is empty")

    return action


def write(path: str):
    return lambda: Path(path).write_text("x")


def output(*command: str):
    return lambda: (
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout
    )


def call(function, *arguments) -> None:
    """Call a function of the C library, and raise its error."""
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def find_other_process() -> int:
    """Return the id of another user's process."""
    found = (int(pid) for pid in os.listdir("/proc") if pid.isdigit())
    return next(pid for pid in found if os.stat(f"/proc/{pid}").st_uid != os.getuid())


def create_setuid() -> None:
    write("/tmp/setuid")()
    os.chmod("/tmp/setuid", 0o4755)


def change_owner() -> None:
    write("/tmp/given")()
    os.chown("/tmp/given", os.getuid(), -1)


def write_readable(directory: str):
    def action() -> None:
        path = Path(directory, "x")
        path.write_text("x")
        mode = path.stat().st_mode
        path.unlink()
        if not mode & 0o077:
            raise PermissionError("only the owner can access it")

    return action


def map_executable_memory() -> None:
    with mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC):
        pass


def run_32_bit_program() -> None:
    path = Path("/tmp/i386")
    path.write_bytes(I386)
    path.chmod(0o755)
    returncode = subprocess.run([path]).returncode
    if returncode != 7:
        raise OSError(f"exit code {returncode}")


def set_clock() -> None:
    """Set an invalid time: EINVAL means that the call is permitted."""
    try:
        call(LIBC.syscall, CLOCK_SETTIME, 0, (ctypes.c_long * 2)(0, -1))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


def attempts(home: str, public: str, slug: str, key: str, nginx: int) -> dict:
    """Return what the application's user must not be able to do."""
    return {
        "read own environment file": read(f"/etc/{slug}.env"),
        "read the environment of another service": read("/etc/other_site.env"),
        "read the key of the certificate": read(key),
        "read /etc/shadow": read("/etc/shadow"),
        "read /etc/shadow through a setuid program": output(CAT, "/etc/shadow"),
        "read another user's file": read("/etc/of_another"),
        "read another user's file through a setuid program": output(CAT, "/etc/of_another"),
        "list root's home directory": lambda: os.listdir("/root"),
        "read a readable file in a home directory": read("/home/open/notes"),
        "read the environment of PID 1": read("/proc/1/environ"),
        "see another process": find_other_process,
        "kill nginx": lambda: os.kill(nginx, 0),
        "read system information in /proc": read("/proc/cpuinfo"),
        "read another service's temporary file": read("/tmp/of_another"),
        "read another service's memory": read("/dev/shm/of_another"),
        "read a device": read("/dev/of_the_host"),
        "write a static file": write(f"{public}/static/x.js"),
        "replace a static file": write(f"{public}/static/welcome/welcome.css"),
        "write next to static and media": write(f"{public}/x.html"),
        "write into the checkout": write(f"{home}/checkout/manage.py"),
        "write into the release": write(f"{home}/current/manage.py"),
        "write bytecode": write(f"{home}/current/config/__pycache__/x.pyc"),
        "replace the current link": lambda: os.symlink("/tmp", f"{home}/current.new"),
        "write nginx's configuration": write("/etc/nginx/conf.d/x.conf"),
        "write the site's nginx files": write(f"{home}/current/nginx/site.conf"),
        "write a unit": write("/etc/systemd/system/x.service"),
        "write to /usr": write("/usr/local/bin/x"),
        "write to a world-writable directory": write("/srv/open/x"),
        "create a lock file": write("/run/lock/x"),
        "create a file that others can read": write_readable(f"/var/lib/{slug}"),
        "become root": lambda: os.setuid(0),
        "mount": output("mount", "-t", "tmpfs", "x", "/tmp"),
        "create a user namespace": output("unshare", "--user", "true"),
        "open a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
        "open a netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "create a device": lambda: os.mknod("/tmp/device", 0o020666, os.makedev(1, 3)),
        "create a setuid program": create_setuid,
        "change the owner of a file": change_owner,
        "map writable and executable memory": map_executable_memory,
        "run a 32-bit program": run_32_bit_program,
        "trace a process": lambda: call(LIBC.ptrace, 0, 0, 0, 0),
        "change the personality": lambda: call(LIBC.personality, 0x0040000),
        "change the priority": lambda: os.nice(1),
    }


def attempts_of_root() -> dict:
    """Return what not even root must be able to do in the sandbox; none of it changes the host."""
    return {
        "run in real time": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
        "set the clock": set_clock,
        "set the host name": lambda: socket.sethostname(socket.gethostname()),
        "open a kernel setting": lambda: open("/proc/sys/net/ipv4/ip_forward", "r+b").close(),
        "read a kernel module": read("/usr/lib/modules/x"),
        "read the kernel log": read("/dev/kmsg"),
        "create a control group": lambda: (
            os.mkdir("/sys/fs/cgroup/x"),
            os.rmdir("/sys/fs/cgroup/x"),
        ),
    }


def work(public: str, slug: str, **_) -> dict:
    """Return what the application must be able to do."""
    upload, database = f"{public}/media/x.txt", f"/var/lib/{slug}/x"
    return {
        "write an upload": write(upload),
        "write next to the database": write(database),
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
