"""A field for pictures that strangers upload."""

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import FileExtensionValidator
from django.db import models
from django.template.defaultfilters import filesizeformat

# What browsers show, of all that Pillow reads. MPO is what some telephones put into a .jpg.
FORMATS = {"PNG", "JPEG", "MPO", "GIF", "WEBP", "AVIF"}
ENDINGS = ["png", "jpg", "jpeg", "gif", "webp", "avif"]
SENTENCE = "Upload a picture of a kind that browsers show: PNG, JPEG, GIF, WebP or AVIF."


class PictureFormField(forms.ImageField):
    """A form's field that takes a picture of at most `settings.UPLOAD_LIMIT` bytes."""

    default_validators = [FileExtensionValidator(ENDINGS, SENTENCE)]

    def to_python(self, data):
        if data and data.size > settings.UPLOAD_LIMIT:
            size, limit = filesizeformat(data.size), filesizeformat(settings.UPLOAD_LIMIT)
            raise ValidationError(f"The file has {size}, and the site takes up to {limit}.")
        file = super().to_python(data)  # Pillow reads it, whatever its name and type say
        if file and file.image.format not in FORMATS:
            raise ValidationError(SENTENCE)
        return file


class PictureField(models.ImageField):
    """Django's ImageField, with `PictureFormField` in every form, the admin's too."""

    def formfield(self, **kwargs):
        # However long the visitor's own name for the file is, it is not kept.
        return super().formfield(**{"form_class": PictureFormField, "max_length": None, **kwargs})
