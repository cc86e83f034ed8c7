"""Only regular files are served: no symlink, directory, dotfile or other special file."""

import os
import socket

from attacks.expect import NOT_FOUND, body, untrusted_upload
from attacks.files import SECRET, directory, files, symlink
from attacks.table import send
from support.http import request


def fifo(path, site):
    os.mkfifo(path)


def bound_socket(path, site):
    before = os.getcwd()
    os.chdir(path.parent)  # the path of a socket has a maximum length
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)
    os.chdir(before)


def unreadable(path, site):
    path.write_bytes(SECRET)
    path.chmod(0)


def closed_directory(path, site):
    path.mkdir()
    (path / "secret.txt").write_bytes(SECRET)
    path.chmod(0)


for name, content in {
    "symlink-out.txt": symlink("www/secret.txt"),
    "symlink-directory": symlink("www/"),
    "symlink-within.png": symlink("media/u/a.png"),
    "symlink-relative.txt": symlink("../../secret.txt"),
    "symlink-dangling.txt": symlink("/nowhere"),
    "symlink-loop.txt": symlink("./symlink-loop.txt"),
    "symlink-private.html": symlink("private/paper.html"),
    "fifo.png": fifo,
    "socket.png": bound_socket,
    "directory.png": directory,
    "directory/index.html": SECRET,
    "directory/index/index.html": SECRET,
    f".{'0' * 16}.part": SECRET,
    "unreadable.txt": unreadable,
    "closed": closed_directory,
    "u/empty.txt": b"",
}.items():
    files[f"media/{name}"] = content


def no_listing_or_redirect(response, site):
    assert SECRET not in response.raw and b"Index of" not in response.raw
    assert response["Location"] is None


for name, path in {
    "symlink-to-a-file": "symlink-out.txt",
    "symlink-to-a-directory": "symlink-directory/secret.txt",
    "symlink-within": "symlink-within.png",
    "symlink-relative": "symlink-relative.txt",
    "symlink-dangling": "symlink-dangling.txt",
    "symlink-loop": "symlink-loop.txt",
    "symlink-to-private": "symlink-private.html",
    "fifo": "fifo.png",
    "socket": "socket.png",
    "directory": "directory",
    "directory-with-slash": "directory/",
    "directory-with-index": "directory/index/",
    "directory-named-like-an-image": "directory.png",
    "directory-named-like-an-image-with-slash": "directory.png/",
    "file-with-slash": "u/a.png/",
    "file-as-a-directory": "u/a.png/b.png",
    "path-info": "u/page.html/a.png",
    "root": "",
    "partial-upload": f".{'0' * 16}.part",
}.items():
    send(f"disk-{name}", request(f"/s/media/{path}"), *NOT_FOUND, no_listing_or_redirect, local=True)
send("disk-unreadable", request("/s/media/unreadable.txt"), *NOT_FOUND)
send("disk-unreadable-directory", request("/s/media/closed/secret.txt"), *NOT_FOUND)
send("disk-listing-of-served", request("/s/"), *NOT_FOUND, local=True)
send("disk-listing-of-static", request("/s/static/"), *NOT_FOUND, local=True)
send("disk-listing-of-static-directory", request("/s/static/admin/"), *NOT_FOUND, local=True)
send("disk-listing-without-slash", request("/s/static/admin"), *NOT_FOUND, local=True)
send("disk-prefix-without-slash", request("/s/media"), *NOT_FOUND, local=True)
send("disk-static-index", request("/s/static/admin/index.html"), *NOT_FOUND, local=True)
send("disk-empty-file", request("/s/media/u/empty.txt"),
     untrusted_upload("text/plain; charset=utf-8", "inline"), body(b""), local=True)

for name in (".env", ".htaccess", ".htpasswd", ".git/config", ".DS_Store", "..hidden", "...",
             ".well-known/a.txt", "u/.hidden.png", ".directory/a.png"):
    files[f"media/{name}"] = SECRET
    send(f"dotfile-{name}", request(f"/s/media/{name}"), *NOT_FOUND, local=True)
send("dotfile-encoded", request("/s/media/%2eenv"), *NOT_FOUND, local=True)
send("dotfile-after-two-slashes", request("/s/media//.env"), *NOT_FOUND, local=True)
files["static/.gitkeep"] = SECRET
send("dotfile-static", request("/s/static/.gitkeep"), *NOT_FOUND, local=True)
send("dotfile-static-encoded", request("/s/static/%2egitkeep"), *NOT_FOUND, local=True)
