"""The extension decides the type: whatever it is, browsers do not execute the upload."""

from urllib.parse import quote

from attacks.expect import NOT_FOUND, OCTET_STREAM, body, untrusted_upload
from attacks.files import SCRIPT, files
from attacks.table import send
from support.http import request

ACTIVE = [
    "html", "htm", "xhtml", "xht", "shtml", "shtm", "stm", "mht", "mhtml", "hta", "htc", "htt",
    "xml", "xsl", "xslt", "xsd", "rdf", "rss", "atom", "dtd", "ent", "mathml", "mml", "svgz", "js",
    "mjs", "cjs", "jsx", "ts", "css", "less", "json", "jsonld", "webmanifest", "manifest", "wasm",
    "appcache", "vbs", "vbe", "wsf", "wsh", "swf", "jar", "class", "jnlp", "php", "php3", "phtml",
    "phar", "py", "pl", "cgi", "rb", "jsp", "asp", "aspx", "cfm", "sh", "bat", "cmd", "exe", "msi",
    "dll", "scr", "com", "pif", "lnk", "url", "desktop", "reg", "ps1", "vcf", "ics", "eml", "doc",
    "docx", "xls", "xlsm", "rtf", "zip", "tar", "7z", "gz", "br", "iso", "dmg", "apk", "ttf",
    "woff2", "ico", "bmp", "tif", "psd", "eps", "ps", "heic", "md", "csv", "log", "conf", "sql",
]
for name, file in {
    **{f"extension-{extension}": f"page.{extension}" for extension in ACTIVE},
    "upper-case": "PAGE.HTML",
    "mixed-case": "page.hTmL",
    "mixed-case-svgz": "page.SvGz",
    "no-extension": "page",
    "double-extension": "page.png.html",
    "double-extension-image-in-the-middle": "page.html.png.xhtml",
    "trailing-dot": "page.html.",
    "trailing-dots": "page.png..",
    "trailing-space": "page.png ",
    "trailing-tab": "page.png\t",
    "trailing-newline": "page.png\n",
    "trailing-tilde": "page.png~",
    "semicolon": "page.png;.html",
    "semicolon-after": "page.html;png",
    "comma": "page.png,html",
    "colon-stream": "page.html::$DATA",
    "percent-in-the-name": "page%2ehtml",
    "question-mark-in-the-name": "page.html?.htm",
    "right-to-left": "page\u202egnp.html",
    "fullwidth-dot": "page\uff0epng",
    "dotless": "page\u2024png",
    "cyrillic-extension": "page.p\u043fg",
    "zero-width": "page.png\u200b",
    "angle-brackets": "<script>.html",
    "quotes": "\"onload='x'.html",
    "backslash": "a\\page.html",
    "newline-in-the-name": "page\r\nX-Evil: 1.html",
    "unknown-extension": "page.whatever",
    "long-extension": "page." + "a" * 100,
    "only-an-extension": "page..html",
    "space-before-extension": "page. html",
    "backup": "page.html.bak",
}.items():
    files[f"media/names/{file}"] = SCRIPT
    send(f"type-{name}", request(f"/s/media/names/{quote(file)}"), OCTET_STREAM, body(SCRIPT),
         local="\n" not in file)  # Django's URL patterns do not match a newline


def octet_stream_if_served(response, site):
    if response.status == 200:
        OCTET_STREAM(response, site)


send("type-ignores-query", request("/s/media/names/page.html?a.png"), OCTET_STREAM, local=True)
send("type-ignores-semicolon", request("/s/media/names/page.html;a.png"), *NOT_FOUND, local=True)
send("type-ignores-matrix-parameter", request("/s/media/names/page.html;/a.png"), *NOT_FOUND, local=True)
send("type-ignores-fragment", request("/s/media/names/page.html#a.png"), octet_stream_if_served)
send("type-ignores-accept", request("/s/media/names/page.html", headers=["Accept: text/html"]),
     OCTET_STREAM, local=True)
send("type-encoded-name", request("/s/media/names/%70%61%67%65%2e%68%74%6d%6c"), OCTET_STREAM, local=True)

for extension, content_type in {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
    "webp": "image/webp", "avif": "image/avif", "mp3": "audio/mpeg", "m4a": "audio/mp4",
    "mp4": "video/mp4", "webm": "video/webm", "txt": "text/plain; charset=utf-8",
}.items():
    files[f"media/names/inline.{extension}"] = SCRIPT
    send(f"inline-{extension}", request(f"/s/media/names/inline.{extension}"),
         untrusted_upload(content_type, "inline"), body(SCRIPT), local=True)
# These keep their type, as attachments.
for extension, content_type in {"svg": "image/svg+xml", "pdf": "application/pdf"}.items():
    for name, file in {"": f"page.{extension}", "-upper-case": f"PAGE.{extension.upper()}"}.items():
        files[f"media/names/{file}"] = SCRIPT
        send(f"attachment-{extension}{name}", request(f"/s/media/names/{file}"),
             untrusted_upload(content_type, "attachment"), local=True)
