"""Django's own runserver: that of staticfiles ignores LOCAL_DEV and the URL patterns."""

from django.core.management.commands.runserver import Command  # noqa: F401
