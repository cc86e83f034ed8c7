"""Polyglots: the extension decides the type, not the content."""

from attacks.expect import body, untrusted_upload
from attacks.files import SCRIPT, files
from attacks.table import send
from support.http import request
from support.images import GIF, PNG

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'"
UTF7 = b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-"
TEXT = "text/plain; charset=utf-8"
for name, file, content, content_type, disposition in (
    ("png-that-is-html", "both.png", PNG + SCRIPT, "image/png", "inline"),
    ("gif-that-is-script", "both.gif", GIF + b"/*" + SCRIPT + b"*/=1", "image/gif", "inline"),
    ("gif-named-html", "gif.html", GIF + SCRIPT, "application/octet-stream", "attachment"),
    ("html-named-png", "html.png", SCRIPT, "image/png", "inline"),
    ("html-named-txt", "html.txt", SCRIPT, TEXT, "inline"),
    ("pdf-that-is-html", "both.pdf", b"%PDF-1.7\n" + SCRIPT, "application/pdf", "attachment"),
    ("svg-with-script", "script.svg", SVG + b"><script>1</script></svg>", "image/svg+xml", "attachment"),
    ("svg-named-png", "svg.png", SVG + b"/>", "image/png", "inline"),
    ("zip-after-gif", "jar.gif", GIF + b"PK\x03\x04" + bytes(40), "image/gif", "inline"),
    ("html-then-png", "x.html.png", SCRIPT, "image/png", "inline"),
    ("utf7-txt", "utf7.txt", UTF7, TEXT, "inline"),
    ("utf16-txt", "utf16.txt", SCRIPT.decode().encode("utf-16"), TEXT, "inline"),
):
    files[f"media/polyglots/{file}"] = content
    send(f"polyglot-{name}", request(f"/s/media/polyglots/{file}"),
         untrusted_upload(content_type, disposition), body(content), local=True)
