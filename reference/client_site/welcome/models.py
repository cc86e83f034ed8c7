from django.db import models

from files.fields import PictureField


class Photo(models.Model):
    """The upload of the first page's demo."""

    image = PictureField(upload_to="photos")

    def __str__(self):
        return self.image.name
