"""The rendered project's settings, with views and middleware that show what reaches Django."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE

ROOT_URLCONF = "attacks.app.urls"
MIDDLEWARE = ["attacks.app.urls.mark", *MIDDLEWARE]
