"""Path traversal in every encoding. Secrets: in www/ and var/, and the checkout itself."""

from attacks.expect import refused
from attacks.files import SECRET, files
from attacks.table import send
from support.http import request

files["private/../secret.txt"] = SECRET
files["private/../../secret.txt"] = SECRET
for prefix in ("media", "static"):
    for name, path in {
        "dots": "../../secret.txt",
        "encoded-slash": "..%2f..%2fsecret.txt",
        "encoded-dots": "%2e%2e/%2e%2e/secret.txt",
        "all-encoded": "%2e%2e%2f%2e%2e%2fsecret.txt",
        "partly-encoded": ".%2e/%2e./secret.txt",
        "twice-encoded": "%252e%252e%252f%252e%252e%252fsecret.txt",
        "thrice-encoded": "%25252e%25252e%25252fsecret.txt",
        "overlong-slash": "..%c0%af..%c0%afsecret.txt",
        "overlong-dots": "%c0%ae%c0%ae/%c0%ae%c0%ae/secret.txt",
        "overlong-three-bytes": "%e0%80%ae%e0%80%ae/secret.txt",
        "fullwidth-slash": "..%ef%bc%8f..%ef%bc%8fsecret.txt",
        "percent-u": "%u002e%u002e/%u2215secret.txt",
        "backslash": "..\\..\\secret.txt",
        "encoded-backslash": "..%5c..%5csecret.txt",
        "four-dots": "....//....//secret.txt",
        "semicolon": "..;/..;/secret.txt",
        "nul": "..%00/..%00/secret.txt",
        "through-a-file": "u/a.png/../../../../secret.txt",
        "deep": "../" * 12 + "etc/passwd",
        "deep-encoded": "..%2f" * 12 + "etc/passwd",
        "absolute": "/etc/passwd",
        "absolute-encoded": "%2fetc%2fpasswd",
    }.items():
        send(f"traversal-{prefix}-{name}", request(f"/s/{prefix}/{path}"), refused, local=True)
for name, path in {
    "off-by-slash-media": "/s/media../secret.txt",
    "off-by-slash-static": "/s/static../secret.txt",
    "off-by-slash-served": "/s../secret.txt",
    "prefix-without-slash": "/s/mediasecret.txt",
    "from-the-root": "/../secret.txt",
    "from-the-root-encoded": "/%2e%2e/secret.txt",
    "the-web-root-itself": "/secret.txt",
    "encoded-prefix": "/s%2fmedia%2f..%2f..%2fsecret.txt",
    "the-rest-of-served": "/s/secret.txt",
    "the-database": "/s/media/../../../var/db.sqlite3",
    "the-source": "/config/settings.py",
    "the-environment": "/.env",
    "git": "/.git/config",
}.items():
    send(f"traversal-{name}", request(path), refused, local=True)
