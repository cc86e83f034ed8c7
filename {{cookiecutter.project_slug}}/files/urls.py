"""URL patterns below the served URL. With LOCAL_DEV off there are none: nginx answers there."""

from django.conf import settings
from django.urls import URLPattern, path

from . import layout, views


def local_dev_patterns() -> list[URLPattern]:
    """Return the patterns for static, media and the rest below the served URL, or none."""
    if not settings.LOCAL_DEV:
        return []
    # Patterns have no leading slash: with one they would never match.
    static, media, served = (
        url.lstrip("/") for url in (settings.STATIC_URL, settings.MEDIA_URL, layout.SERVED_URL)
    )
    return [
        path(f"{static}<path:path>", views.static),
        path(f"{media}<path:path>", views.media),
        path(f"{served}", views.nothing),
        path(f"{served}<path:path>", views.nothing),
    ]
