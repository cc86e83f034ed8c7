"""Django's own runserver: that of staticfiles ignores LOCAL_DEV and the URL patterns."""

from django.core.management.commands.runserver import Command  # noqa: F401
from django.core.servers.basehttp import WSGIRequestHandler

# Send a response's headers and body without waiting 40 ms for the client to acknowledge the first.
WSGIRequestHandler.disable_nagle_algorithm = True
