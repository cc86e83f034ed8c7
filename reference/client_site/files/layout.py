"""URLs and directories of static files and media. Standard library only: the hook imports it."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

# URLs map directly onto directories, as in nginx/: URL_PREFIX + X is WEB_ROOT + URL_PREFIX + X.
URL_PREFIX = "/s/"
STATIC_URL = URL_PREFIX + "static/"
MEDIA_URL = URL_PREFIX + "media/"
PRIVATE_URL = URL_PREFIX + "private/"  # internal in nginx: no visitor can request it

# On a server. STATE_DIR holds what no URL leads to: the database and private uploads.
WEB_ROOT = "/var/www/client-site.example"
STATE_DIR = "/var/lib/client_site"


def path_for(root: Path | str, url: str) -> Path:
    """Return the directory below `root` (WEB_ROOT, STATE_DIR) that a URL path is served from."""
    return Path(root, url.strip("/"))
