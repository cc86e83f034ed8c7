"""The rendered project's settings, with views and middleware that show what reaches Django."""

import os

from config.settings import *  # noqa: F403
from config.settings import LOCAL_DEV, MIDDLEWARE, SILENCED_SYSTEM_CHECKS

ROOT_URLCONF = "attacked.urls"
MIDDLEWARE = ["attacked.urls.mark", *MIDDLEWARE]
if not LOCAL_DEV:
    PRIVATE_ROOT = os.environ["PRIVATE_ROOT"]  # a test cannot write to /var/lib
    SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "files.E049"]
