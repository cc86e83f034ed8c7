"""The entry point of the application server: gunicorn config.wsgi."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

handler = get_wsgi_application()


def application(environ, start_response):
    """Read what Django left of the body: to nginx a connection closed before is a failure, 503."""
    response = handler(environ, start_response)
    while environ["wsgi.input"].read(1024 * 1024):
        pass
    return response
