"""Fields for uploads from untrusted visitors."""

from collections.abc import Iterator

from django import forms
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.storage import Storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.validators import FileExtensionValidator
from django.db import models, transaction
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

# The formats that browsers display. MPO is what some phones write into a .jpg.
IMAGE_FORMATS = {"PNG", "JPEG", "MPO", "GIF", "WEBP", "AVIF"}
IMAGE_EXTENSIONS = ["png", "jpg", "jpeg", "gif", "webp", "avif"]
INVALID_FORMAT = _("Upload a PNG, JPEG, GIF, WebP or AVIF image.")


def file_fields() -> Iterator[models.FileField]:
    """Yield the file fields of all models."""
    for model in apps.get_models():
        yield from (f for f in model._meta.local_fields if isinstance(f, models.FileField))


def fields_naming(name: str) -> list[models.FileField]:
    """Return the file fields in which a row names a file."""
    return [f for f in file_fields() if f.model._base_manager.filter(**{f.name: name}).exists()]


def validate_upload_limit(file) -> None:
    """Refuse a new file of more than `settings.UPLOAD_LIMIT` bytes. Applies to all file fields."""
    if not getattr(file, "_committed", False) and file.size > settings.UPLOAD_LIMIT:
        size, limit = filesizeformat(file.size), filesizeformat(settings.UPLOAD_LIMIT)
        message = _("The file is %(size)s. The maximum size is %(limit)s.")
        raise ValidationError(message, params={"size": size, "limit": limit})


class PictureFormField(forms.ImageField):
    """A form field for an image of at most `settings.UPLOAD_LIMIT` bytes, without its metadata."""

    default_validators = [FileExtensionValidator(IMAGE_EXTENSIONS, INVALID_FORMAT)]

    def to_python(self, data):
        from .images import MAX_PIXELS, without_metadata  # Pillow: not in the start of each command

        if data:
            validate_upload_limit(data)
        if not (file := super().to_python(data)):  # reads the content, whatever its name claims
            return file
        if file.image.format not in IMAGE_FORMATS:
            raise ValidationError(INVALID_FORMAT)
        if (pixels := file.image.width * file.image.height) > MAX_PIXELS:
            message = _("The image has %(size).1f megapixels. The maximum is %(limit).0f.")
            raise ValidationError(message, params={"size": pixels / 1e6, "limit": MAX_PIXELS / 1e6})
        try:
            content = without_metadata(file.read())
            return super().to_python(SimpleUploadedFile(file.name, content))
        except Exception as error:  # damaged images raise many
            raise ValidationError(self.error_messages["invalid_image"], "invalid_image") from error


class UploadField(models.FileField):
    """Django's FileField, but a file is deleted when no row names it any more, after the commit.

    QuerySet.update() and raw SQL send no signals: the files that they unlink are kept.
    """

    form_class = forms.FileField

    def formfield(self, **kwargs):
        # The visitor's own file name is not stored, so its length does not matter.
        return super().formfield(**{"form_class": self.form_class, "max_length": None, **kwargs})


class PictureField(UploadField, models.ImageField):
    """Django's ImageField as an UploadField, with `PictureFormField` in all forms and the admin."""

    form_class = PictureFormField


def upload_fields(model: type[models.Model]) -> list[str]:
    return [f.name for f in model._meta.concrete_fields if isinstance(f, UploadField)]


def remember_files(instance, using, **kwargs) -> None:
    """Note which files the row names before it is changed."""
    rows = type(instance)._base_manager.using(using).filter(pk=instance.pk)
    names = rows.values(*upload_fields(type(instance))) if instance.pk else rows.none()
    instance._state.files = names.first() or {}


def delete_unlinked_files(instance, using, signal, **kwargs) -> None:
    """Delete the files that the row does not name any more."""
    for field, name in instance._state.files.items():
        if name and (signal is post_delete or name != getattr(instance, field).name):
            storage = instance._meta.get_field(field).storage
            # Not functools.partial: Django logs a failed callback by its __qualname__.
            transaction.on_commit(
                lambda s=storage, n=name: delete_unlinked(s, n), using, robust=True
            )


def delete_unlinked(storage: Storage, name: str) -> None:
    if not fields_naming(name):
        storage.delete(name)


def prepare_models() -> None:
    """Apply UPLOAD_LIMIT to all file fields, and delete the unlinked files of UploadFields."""
    for field in file_fields():
        field.validators.append(validate_upload_limit)
    for model in filter(upload_fields, apps.get_models()):
        for before, after in ((pre_save, post_save), (pre_delete, post_delete)):
            before.connect(remember_files, model)
            after.connect(delete_unlinked_files, model)
