from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.core import checks


class FilesConfig(AppConfig):
    name = "files"

    def ready(self):
        from .checks import check_deployment, check_files

        checks.register(check_files, checks.Tags.staticfiles)
        checks.register(check_deployment, checks.Tags.staticfiles, deploy=True)
        if settings.LOCAL_DEV:  # on a server the installation makes them, with the right owners
            for folder in (settings.MEDIA_ROOT, Path(settings.WEB_ROOT).parent):
                Path(folder).mkdir(parents=True, exist_ok=True)
