from django.contrib.auth.models import AbstractUser

from files.fields import PictureField


class User(AbstractUser):
    """The site's own user model: Django cannot change to one after the first migration."""

    photo = PictureField(upload_to="photos", blank=True)
