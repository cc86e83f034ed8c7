"""A separate domain for uploads serves nothing else."""

import re

from attacks.expect import NOT_FOUND, header, no_versions, status, untrusted_upload
from attacks.files import SCRIPT, files
from attacks.table import send
from support.http import request

files["media/names/page.html"] = SCRIPT
send("media-domain-upload", request("/s/media/names/page.html", host="$MEDIA_DOMAIN"), no_versions,
     untrusted_upload("application/octet-stream", "attachment", corp="cross-origin"), sni="$MEDIA_DOMAIN")
send("media-domain-without-tls", request("/x", host="$MEDIA_DOMAIN"), status(301),
     header("Location", re.compile("https://.+-uploads.example/x")), tls=False)
for name, target in {
    "page": "/",
    "admin": "/admin/",
    "application": "/echo/",
    "served": "/s/",
    "static": "/s/static/welcome/welcome.css",
    "private": "/s/private/paper.html",
    "directory": "/s/media/",
    "dotfile": "/s/media/.env",
    "symlink": "/s/media/symlink-out.txt",
    "rest-of-the-web-root": "/secret.txt",
    "rest-of-served": "/s/secret.txt",
}.items():
    send(f"media-domain-not-{name}", request(target, host="$MEDIA_DOMAIN"), *NOT_FOUND, sni="$MEDIA_DOMAIN")
