"""An image field for uploads from untrusted visitors."""

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import FileExtensionValidator
from django.db import models
from django.template.defaultfilters import filesizeformat

# The formats that browsers display. MPO is what some phones write into a .jpg.
IMAGE_FORMATS = {"PNG", "JPEG", "MPO", "GIF", "WEBP", "AVIF"}
IMAGE_EXTENSIONS = ["png", "jpg", "jpeg", "gif", "webp", "avif"]
INVALID_FORMAT = "Upload a PNG, JPEG, GIF, WebP or AVIF image."


class PictureFormField(forms.ImageField):
    """A form field for an image of at most `settings.UPLOAD_LIMIT` bytes."""

    default_validators = [FileExtensionValidator(IMAGE_EXTENSIONS, INVALID_FORMAT)]

    def to_python(self, data):
        if data and data.size > settings.UPLOAD_LIMIT:
            size, limit = filesizeformat(data.size), filesizeformat(settings.UPLOAD_LIMIT)
            raise ValidationError(f"The file is {size}. The maximum size is {limit}.")
        file = super().to_python(data)  # Pillow reads the content, whatever its name and type claim
        if file and file.image.format not in IMAGE_FORMATS:
            raise ValidationError(INVALID_FORMAT)
        return file


class PictureField(models.ImageField):
    """Django's ImageField, with `PictureFormField` in all forms, the admin's included."""

    def formfield(self, **kwargs):
        # The visitor's own file name is not stored, so its length does not matter.
        return super().formfield(**{"form_class": PictureFormField, "max_length": None, **kwargs})
