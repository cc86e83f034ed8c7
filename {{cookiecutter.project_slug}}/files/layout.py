"""Where static and media live, stated once: settings, URLs, nginx and the checks follow.

Standard library only: the template's hook reads this before Django is installed.
"""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

# The disk is laid out like the URL: the file for SERVED_URL + X is the web root + SERVED_URL + X.
SERVED_URL = "{{ cookiecutter.served_url }}"
WEB_ROOT = "{{ cookiecutter.web_root }}"
# What the site writes and no address leads to: the database, private uploads.
VAR = "/var/lib/{{ cookiecutter.project_slug }}"
DATABASE = VAR + "/db.sqlite3"

STATIC_URL = SERVED_URL + "static/"
MEDIA_URL = SERVED_URL + "media/"
PRIVATE_URL = SERVED_URL + "private/"  # nginx's name for them, closed to visitors

# With LOCAL_DEV: a sibling of the checkout, so that nothing the site writes lies in the
# checkout and two worktrees never share.
LOCAL_VAR = CHECKOUT.with_name(CHECKOUT.name + "-var")
LOCAL_WEB_ROOT = LOCAL_VAR / "www"
LOCAL_DATABASE = LOCAL_VAR / "db.sqlite3"


def folder(web_root: Path | str, url: str) -> Path:
    """Return the folder below a root of nginx that a URL path is served from."""
    return Path(web_root, url.strip("/"))
