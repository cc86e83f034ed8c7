"""Django's own runserver.

The one of staticfiles answers for static files before the URL patterns are asked, and only with
DEBUG; here LOCAL_DEV decides, and the answers are nginx's.
"""

from django.core.management.commands.runserver import Command  # noqa: F401
