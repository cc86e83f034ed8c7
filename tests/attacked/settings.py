"""The rendered project's settings, with views and middleware that show what reaches Django."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE

ROOT_URLCONF = "attacked.urls"
MIDDLEWARE = ["attacked.urls.mark", *MIDDLEWARE]
