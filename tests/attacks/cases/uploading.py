"""Uploading: random names, atomic writes, permissions, error messages."""

import re
import stat

from attacks.expect import by_django, status, untrusted_upload
from attacks.files import SCRIPT, directory, files
from attacks.sites import Site
from attacks.table import case, send
from support.http import form, request
from support.images import GIF, PNG, png

PHOTOS = "/admin/welcome/photo/add/"
CSRF = "a" * 32
files["media/photos"] = directory


def upload(
    site: Site, filename: bytes, content: bytes, session: str = "$STAFF"
):
    """Upload a photo in the admin. Return the response and the new file."""
    content_type, data = form({"csrfmiddlewaretoken": CSRF}, {"image": (filename, content)})
    head = [
        f"Cookie: {session}; csrftoken={CSRF}",
        f"Referer: {'http' if site.local else 'https'}://$DOMAIN/",
        f"Content-Type: {content_type}",
    ]
    with site.lock:
        before = {*site.media.rglob("*")}
        response = site.raw(request(PHOTOS, "POST", head, data))
        new = [file for file in {*site.media.rglob("*")} - before if file.is_file()]
    new = [file for file in new if "photos" in file.parts]
    assert not [file for file in new if file.name.startswith(".")], f"partial upload: {new}"
    assert len(new) < 2
    return response, new[0] if new else None


def accepted(filename: bytes, content: bytes = PNG, extension: str = ".png", cut: bytes = b""):
    """An image is stored, without the content to `cut` after its end."""

    def run(site: Site) -> None:
        response, file = upload(site, filename, content + cut)
        assert response.status == 302 and file
        assert re.fullmatch(rf"[\w-]{{22}}{re.escape(extension)}", file.name)
        assert file.parent == site.media / "photos" and file.read_bytes() == content
        assert stat.filemode(file.stat().st_mode) == "-rw-r--r--"
        assert stat.filemode(file.parent.stat().st_mode) == "drwxr-xr-x"
        served = site.raw(request(f"/s/media/photos/{file.name}"))
        untrusted_upload(f"image/{extension[1:]}", "inline")(served, site)
        assert served.body == content

    return run


for name, filename in {
    "plain": b"me.png",
    "traversal": b"../../../evil.png",
    "backslashes": b"..\\..\\evil.png",
    "absolute": b"/etc/cron.d/evil.png",
    "directories": b"a/b/c.png",
    "dotfile": b".evil.png",
    "script": b"<script>alert(1)</script>.png",
    "newline": b"a%0d%0aX-Evil: 1.png",
    "spaces": b"  .. evil .. .png",
    "upper-case": b"ME.PNG",
    "double-extension": b"evil.html.png",
    "device": b"con.png",
    "unicode": "\u202egnp.evil.png".encode(),
    "long": b"a" * 300 + b".png",
    "quote": b"a\\\".png",
}.items():
    case(f"upload-named-{name}", accepted(filename), local=True)
case("upload-polyglot", accepted(b"me.png", cut=SCRIPT), local=True)
case("upload-gif-polyglot", accepted(b"me.gif", GIF + SCRIPT, ".gif"), local=True)


def same_name(site: Site):
    uploaded = {upload(site, b"same.png", PNG)[1] for _ in range(3)}
    assert len(uploaded) == 3 and all(file.read_bytes() == PNG for file in uploaded)


case("upload-same-name-three-times", same_name, local=True)


def rejected(filename: bytes, content: bytes, message: bytes):
    def run(site: Site) -> None:
        response, file = upload(site, filename, content)
        assert file is None
        assert response.status == 200 and by_django(response)
        assert message in response.body

    return run


BOMB = png(width=40_000, height=40_000, rows=b"")
IMAGE = b"Upload a valid image"
FORMAT = b"Upload a PNG, JPEG, GIF, WebP or AVIF image."
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"
for name, filename, content, message in (
    ("html", b"me.html", SCRIPT, IMAGE),
    ("html-named-png", b"me.png", SCRIPT, IMAGE),
    ("svg", b"me.svg", SVG, IMAGE),
    ("svg-named-png", b"me.png", SVG, IMAGE),
    ("polyglot-named-html", b"me.html", PNG + SCRIPT, FORMAT),
    ("polyglot-named-svg", b"me.svg", PNG + SVG, FORMAT),
    ("image-without-extension", b"me", PNG, FORMAT),
    ("image-named-php", b"me.png.php", PNG, FORMAT),
    ("script-before-an-image", b"me.png", SCRIPT + PNG, IMAGE),
    ("broken-image", b"me.png", PNG[:40], IMAGE),
    ("other-image-format", b"me.png", b"P6 1 1 255 abc", FORMAT),
    ("bitmap", b"me.bmp", b"BM", IMAGE),
    ("postscript", b"me.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n%%EndComments\n", FORMAT),
    ("empty", b"me.png", b"", b"empty"),
    ("too-large", b"me.png", PNG + bytes(10 * 1024 * 1024), b"The maximum size is 10.0"),
    ("bomb", b"me.png", BOMB, IMAGE),
):
    case(f"upload-rejected-{name}", rejected(filename, content, message), local=True)


def not_allowed(session: str):
    """The upload redirects to the login and stores nothing."""

    def run(site: Site) -> None:
        response, file = upload(site, b"me.png", PNG, session)
        assert response.status == 302 and "login" in (response["Location"] or "")
        assert file is None

    return run


case("upload-anonymous", not_allowed(""), local=True)
case("upload-without-staff-status", not_allowed("$VISITOR"), local=True)
send("upload-without-token",
     request(PHOTOS, "POST", ["Cookie: $STAFF", "Content-Type: multipart/form-data; boundary=b"],
             b"--b--"),
     status(403), local=True)
