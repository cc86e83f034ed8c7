"""URLs: each file has one address, and no address of the site is taken away."""

import re
from urllib.parse import urlsplit

from .. import layout
from .base import KINDS, Found, Site, rule

TAKE = "Take it from files/layout.py, as config/settings.py of the template does."


@rule("E001")
def urls_apart(site: Site) -> Found:
    """One file answers for another, and one kind's headers hold for both.

    Seen: Django notices equal URLs only when collectstatic runs, nested ones only with DEBUG.
    """
    static, media = (urlsplit(site.url(kind)) for kind in KINDS)
    hosts = {url.netloc or site.get("DOMAIN") for url in (static, media)}
    nested = static.path.startswith(media.path) or media.path.startswith(static.path)
    root = not static.path.strip("/") or not media.path.strip("/")  # E002 speaks
    if len(hosts) == 1 and nested and not root:
        yield (
            f"STATIC_URL {site.url('STATIC')!r} and MEDIA_URL {site.url('MEDIA')!r} share"
            " addresses.",
            "Give each a path of its own, as files/layout.py does.",
        )


@rule("E002")
def no_root_url(site: Site) -> Found:
    """A URL of "" or "/" hides every page of the site behind its files.

    Seen: Django's default MEDIA_URL is ""; django-layout, lithium and djereo leave it so.
    """
    for kind in KINDS:
        if site.path(kind) is not None and not site.path(kind).strip("/"):
            yield (
                f"{kind}_URL is {site.url(kind)!r}, which is the address of the whole site.",
                f"Set it to a path of its own, such as {layout.SERVED_URL}{kind.lower()}/.",
            )


@rule("E003")
def tidy_urls(site: Site) -> Found:
    """Browsers, Django and nginx complete or tidy up a path, so an untidy one never matches.

    Seen: nginx joins slashes and resolves dots before it chooses a location; Django puts
    SCRIPT_NAME before a URL that starts without a slash.
    """
    for kind in KINDS:
        url = urlsplit(site.url(kind))
        if site.stated_url(kind) and site.stated_url(kind) != site.url(kind):
            yield (
                f"{kind}_URL {site.stated_url(kind)!r} does not start with a slash, so its address"
                " depends on where the site runs.",
                f"Set it to {site.url(kind)!r}.",
            )
        elif re.search(r"//|/\.{1,2}(/|$)|[\\%\s;]", url.path) or url.query or url.fragment:
            yield (
                f"{kind}_URL {site.url(kind)!r} is no plain path, so nginx would see another.",
                "Use letters, digits, - and _ between single slashes.",
            )


@rule("E004", django="urls.E006")
def slash_at_the_end(site: Site) -> Found:
    """Without the last slash the URL of photos/a.png is /mediaphotos/a.png.

    Seen: Django's own check says so; here for the hook, which has no Django.
    """
    for kind in KINDS:
        url = site.url(kind)
        if not url.endswith("/"):
            yield f"{kind}_URL {url!r} does not end in a slash.", f"Set it to {url + '/'!r}."


@rule("E005", needs="django")
def no_route_hidden(site: Site) -> Found:
    """nginx answers below a served URL and never asks Django, so a page there is never seen.

    Seen: the answer /admin/ for the served URL, which the template's hook refuses.
    """
    served = {site.path(kind) for kind in KINDS} | {layout.SERVED_URL}
    for prefix in sorted(url for url in served if url and url.strip("/")):
        for path, view in site.routes or ():
            ours = view.startswith("files.views.") or site.routes.serves_files(view)
            if f"/{path}".startswith(prefix) and not ours:
                yield (
                    f"The page {'/' + path!r} ({view}) lies below {prefix!r}, where nginx answers.",
                    "Give the page another address, or the files another URL in files/layout.py.",
                )
                break
