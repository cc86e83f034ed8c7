"""Host and SNI: Django sees only the site's own name."""

from attacks.expect import by_nginx, connection_closed, own_host_or_rejected, refused, status
from attacks.table import send
from support.http import request

for name, host in {
    "unknown": "evil.example",
    "empty": "",
    "localhost": "localhost",
    "ipv4": "127.0.0.1",
    "ipv6": "[::1]",
    "subdomain": "evil.$DOMAIN",
    "suffix": "$DOMAIN.evil.example",
    "prefix": "evil-$DOMAIN",
    "leading-dot": ".$DOMAIN",
    "underscore": "_",
    "wildcard": "*.example",
}.items():
    send(f"host-{name}", request("/echo/", host=host), own_host_or_rejected, by_nginx)
    send(f"host-{name}-without-tls", request("/echo/", host=host), own_host_or_rejected, by_nginx, tls=False)
for name, host in {
    "port": "$DOMAIN:1234",
    "port-of-text": "$DOMAIN:evil.example",
    "trailing-dot": "$DOMAIN.",
    "upper-case": "$UPPER",
    "userinfo": "$DOMAIN@evil.example",
    "userinfo-before": "evil.example@$DOMAIN",
    "port-and-userinfo": "$DOMAIN:443@evil.example",
    "path": "$DOMAIN/evil.example",
    "path-before": "evil.example/$DOMAIN",
    "space": "$DOMAIN evil.example",
    "tab": "$DOMAIN\tevil.example",
    "comma": "$DOMAIN, evil.example",
    "backslash": "$DOMAIN\\evil.example",
    "query": "$DOMAIN?evil.example",
    "fragment": "$DOMAIN#evil.example",
    "script": "<script>alert(1)</script>",
    "nul": b"$DOMAIN\0evil.example",
    "newline": b"$DOMAIN\r\n evil.example",
}.items():
    send(f"host-{name}", request("/echo/", host=host), own_host_or_rejected)
for name, line in {
    "twice": "Host: evil.example",
    "twice-the-same": "Host: $DOMAIN",
    "twice-upper-case": "HOST: evil.example",
    "space-before-colon": "Host : evil.example",
}.items():
    send(f"host-{name}", request("/echo/", headers=[line]), refused, by_nginx)
send("host-twice-unknown-first", request("/echo/", host="evil.example", headers=["Host: $DOMAIN"]),
     refused, by_nginx)
send("host-missing", request("/echo/", host=None), status(400), by_nginx)
send("host-missing-1.0", request("/echo/", host=None, version="1.0"), own_host_or_rejected)
send("host-missing-1.0-without-tls", request("/", host=None, version="1.0"), connection_closed, tls=False)
send("host-absolute-url-unknown", request("https://evil.example/echo/"), connection_closed)
send("host-absolute-url-known", request("https://$DOMAIN/echo/", host="evil.example"), own_host_or_rejected)
send("host-absolute-url-userinfo", request("https://$DOMAIN@evil.example/echo/"), own_host_or_rejected)
send("host-absolute-url-other-scheme", request("file:///etc/passwd"), refused, by_nginx)
send("sni-unknown", request("/echo/"), connection_closed, sni="evil.example")
send("sni-none", request("/echo/"), connection_closed, sni=None)
send("sni-unknown-with-unknown-host", request("/", host="evil.example"), connection_closed, sni="evil.example")
send("sni-known-with-unknown-host", request("/echo/", host="evil.example"), connection_closed)
