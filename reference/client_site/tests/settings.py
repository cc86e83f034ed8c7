"""The settings under test: LOCAL_DEV's, with all that the site writes in a temporary folder."""

import atexit
import os
import shutil
import tempfile

os.environ.update(LOCAL_DEV="1", DEBUG="0")
os.environ.pop("ALLOWED_HOSTS", None)

from config.settings import *  # noqa: E402, F403
from split import layout  # noqa: E402

VAR = tempfile.mkdtemp(prefix="split-tests-")
atexit.register(shutil.rmtree, VAR, ignore_errors=True)

WEB_ROOT = f"{VAR}/www"
STATIC_ROOT = layout.folder(WEB_ROOT, STATIC_URL)  # noqa: F405
MEDIA_ROOT = layout.folder(WEB_ROOT, MEDIA_URL)  # noqa: F405
PRIVATE_ROOT = layout.folder(VAR, layout.PRIVATE_URL)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick
