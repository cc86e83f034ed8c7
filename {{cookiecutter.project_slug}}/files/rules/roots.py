"""Roots: what the running site writes, what a release writes and what git keeps lie apart."""

import os
from pathlib import Path

from .. import layout
from .base import KINDS, Found, Site, overlap, real, rule
from .urls import TAKE


def sources(site: Site) -> list[Path]:
    """Return the folders that collectstatic copies from: STATICFILES_DIRS and the apps' own."""
    listed = [
        source[1] if isinstance(source, (list, tuple)) else source
        for source in site.get("STATICFILES_DIRS") or ()
    ]
    apps = [layout.CHECKOUT.joinpath(*name.split(".")) for name in site.get("INSTALLED_APPS", ())]
    own = [app / "static" for app in apps if (app / "static").is_dir()]
    return [Path(source) for source in listed] + own


@rule("E011")
def roots_absolute(site: Site) -> Found:
    """A relative or empty root is a folder of wherever the process was started.

    Seen: zagaran's MEDIA_ROOT = ""; django-layout and lithium leave it unset, so that uploads
    fall into the checkout. Django is silent until the first upload.
    """
    for kind in KINDS:
        if not site.root(kind) and not site.remote(kind):
            yield f"{kind}_ROOT is {site.stated_root(kind)!r}, which is no absolute folder.", TAKE


@rule("E012")
def roots_apart(site: Site) -> Found:
    """With media inside static, `collectstatic --clear` deletes the uploads.

    Seen: liip keeps media inside STATIC_ROOT; QGIS-Django and scielo-manager lost files; copies
    of On Static Media and Django print MEDIA_ROOT = '/var/www/'. Django is silent.
    """
    static, media = (site.root(kind) for kind in KINDS)
    if static and media and overlap(static, media):
        yield (
            f"STATIC_ROOT {str(static)!r} and MEDIA_ROOT {str(media)!r} share a folder.",
            "Keep them beside each other, as files/layout.py does; mind links.",
        )


@rule("E013")
def roots_outside_the_checkout(site: Site) -> Found:
    """What a site writes into a checkout is committed by mistake, or lost at a release.

    Seen: 14 of 17 templates; cookiecutter-django keeps uploads inside the Python package.
    """
    for kind in (*KINDS, "PRIVATE"):
        if (root := site.root(kind)) and overlap(root, layout.CHECKOUT):
            yield (
                f"{kind}_ROOT {str(root)!r} shares a folder with the checkout"
                f" {str(layout.CHECKOUT)!r}.",
                TAKE,
            )


@rule("E014")
def media_is_no_source(site: Site) -> Found:
    """collectstatic publishes the uploads as the site's own, trusted files.

    Seen: tried on Django 6.1; neither its checks nor collectstatic say a word.
    """
    media = site.root("MEDIA")
    for source in sources(site):
        if media and overlap(media, source):
            yield (
                f"MEDIA_ROOT {str(media)!r} shares a folder with {str(source)!r}, which"
                " collectstatic copies from.",
                "Take the folder out of STATICFILES_DIRS, or MEDIA_ROOT from files/layout.py.",
            )


def _static_root_is(site: Site, same: bool) -> Found:
    static = site.root("STATIC")
    for source in sources(site):
        listed = os.path.abspath(source) == os.path.abspath(static or "")
        if static and overlap(static, source) and listed == same:
            yield (
                f"STATIC_ROOT {str(static)!r} shares a folder with {str(source)!r}, which"
                " collectstatic copies from.",
                "Keep static/ for sources; take STATIC_ROOT from files/layout.py.",
            )


@rule("E015")
def static_root_and_sources_apart(site: Site) -> Found:
    """collectstatic collects what it wrote, or with --clear deletes the sources.

    Seen: mbti-test #1, where nginx served the source folder and the admin had no stylesheet.
    """
    return _static_root_is(site, same=False)


@rule("E016", django="staticfiles.E002")
def static_root_is_no_source(site: Site) -> Found:
    """collectstatic copies a folder onto itself; with --clear it deletes the sources.

    Seen: Django's own check says so; here for the hook, which has no Django.
    """
    return _static_root_is(site, same=True)


@rule("E017")
def secrets_out_of_reach(site: Site) -> Found:
    """A database or a private upload below a folder that nginx serves can be downloaded.

    Seen: Django's default db.sqlite3 beside manage.py, below nginx's root (smitka.me, 2018:
    thousands of sites served their source).
    """
    served = {"WEB_ROOT": site.get("WEB_ROOT")} | {f"{k}_ROOT": site.root(k) for k in KINDS}
    secret = {f"The database {alias!r}": path for alias, path in site.databases().items()}
    if private := site.root("PRIVATE"):
        secret["PRIVATE_ROOT"] = private
    for what, path in secret.items():
        for name, root in served.items():
            if root and real(path).is_relative_to(real(root)):
                yield (
                    f"{what} {str(path)!r} lies below {name} {str(root)!r}.",
                    "Move it to a folder that no web server reads: files/layout.py names one.",
                )
                break
