"""Range requests: a single range, for video."""

from attacks.expect import status, untrusted_upload
from attacks.files import files
from attacks.table import send
from support.http import request

VIDEO = bytes(range(256)) * 8
MANY = "bytes=" + ",".join(["0-"] * 300)
files["media/u/v.mp4"] = VIDEO


def complete(response, site):
    untrusted_upload("video/mp4", "inline")(response, site)
    assert response.status == 200 and response.body == VIDEO


def part(response, site):
    untrusted_upload("video/mp4", "inline")(response, site)
    assert site.local or (response.status == 206 and response.body == VIDEO[10:20])


for name, value, check in (
    ("one", "bytes=10-19", part),
    ("two", "bytes=0-9,20-29", complete),
    ("hundreds", "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 600, 2)), complete),
    ("overlapping", MANY, complete),
    ("suffixes", "bytes=-1,-2,-3", complete),
    ("backwards", "bytes=20-10", status(200, 416)),
    ("beyond", "bytes=999999-", status(200, 416)),
    ("overflow", "bytes=0-18446744073709551615", status(200, 206, 416)),
    ("another-unit", "lines=1-2", complete),
):
    send(f"range-{name}", request("/s/media/u/v.mp4", headers=[f"Range: {value}"]), check, local=True)
send("range-static-overlapping",
     request("/s/static/welcome/welcome.css", headers=[f"Range: {MANY}"]), status(200))
