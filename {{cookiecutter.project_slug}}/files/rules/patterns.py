"""Patterns: with LOCAL_DEV on Django serves both kinds of file, and with it off neither."""

from .base import KINDS, Found, Site, rule


@rule("E031", needs="django")
def local_dev_serves(site: Site) -> Found:
    """With LOCAL_DEV on but no pattern that can match, pages have no styles and no pictures.

    Seen: copies of On Static Media and Django keep STATIC_URL's leading slash in the pattern,
    which then never matches; lithium and django-layout serve static but not media.
    """
    for kind in KINDS if site.local_dev and site.routes else ():
        path = site.path(kind)
        if path is None or site.routes.serves_files(site.routes.view(f"{path}x")):
            continue
        slashed = any(route.startswith(path) for route, _ in site.routes)
        yield (
            f"LOCAL_DEV is on, but no pattern serves {kind}_URL {path!r}"
            + (": the one there starts with a slash, so it never matches." if slashed else "."),
            "Put *files.urls.local_dev_patterns() first in the URL patterns.",
        )


@rule("E032", needs="django")
def local_dev_off(site: Site) -> Found:
    """With LOCAL_DEV off, Django must not serve files: slowly, and without nginx's headers.

    Seen: Django's documentation of `serve`: not efficient, probably insecure.
    """
    for route, view in () if site.local_dev else site.routes or ():
        if site.routes.serves_files(view):
            yield (
                f"LOCAL_DEV is off, but the pattern {route!r} serves files with {view}.",
                "Take the pattern from files.urls.local_dev_patterns(), which heeds LOCAL_DEV.",
            )


@rule("E033", deploy=True)
def local_dev_is_local(site: Site) -> Found:
    """With LOCAL_DEV a server would use a public secret key and write beside the checkout.

    Seen: LOCAL_DEV comes from the environment, and a copied .env brings it along.
    """
    if site.local_dev:
        yield (
            f"LOCAL_DEV is {site.get('LOCAL_DEV')!r} in a deployment.",
            "Take LOCAL_DEV out of the server's environment.",
        )


@rule("E034", deploy=True, django="security.W018")
def debug_is_local(site: Site) -> Found:
    """With DEBUG an error page shows settings and code to everybody.

    Seen: Django's own check says so; here for the hook, which has no Django.
    """
    if site.get("DEBUG"):
        yield f"DEBUG is {site.get('DEBUG')!r} in a deployment.", "Take DEBUG out of it."
