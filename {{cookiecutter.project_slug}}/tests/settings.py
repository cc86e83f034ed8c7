"""The settings under test: LOCAL_DEV's, with all that the site writes in a temporary folder."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from files import layout

os.environ.update(LOCAL_DEV="1", DEBUG="0")
for name in ("ALLOWED_HOSTS", "MEDIA_DOMAIN"):
    os.environ.pop(name, None)

layout.LOCAL_VAR = Path(tempfile.mkdtemp(prefix="split-tests-"))
layout.LOCAL_WEB_ROOT = layout.LOCAL_VAR / "www"
layout.LOCAL_DATABASE = layout.LOCAL_VAR / "db.sqlite3"
atexit.register(shutil.rmtree, layout.LOCAL_VAR, ignore_errors=True)

from config.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick
