from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "files"

    def ready(self):
        from . import checks  # noqa: F401  registers the system checks
        from .fields import prepare_models

        prepare_models()
