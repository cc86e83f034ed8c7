"""The rendered project's settings, with middleware that shows and delays what a server does."""

import os
import signal
import time
from pathlib import Path

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE, STATE_DIR

MIDDLEWARE = ["cluster_settings.mark", *MIDDLEWARE]


def mark(get_response):
    """Tell which server responds; after that, wait or crash if the request says so."""

    def middleware(request):
        response = get_response(request)
        response["X-Server"] = os.environ["SERVER"]
        response["X-Process"] = str(os.getppid())  # gunicorn's master
        if seconds := float(request.headers.get("X-Sleep", 0)):
            busy = Path(STATE_DIR, "busy")
            busy.touch()
            time.sleep(seconds)
            busy.unlink()
        if request.headers.get("X-Crash"):
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    return middleware
