from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """The site's own user model: Django cannot change to one after the first migration."""

    photo = models.ImageField(upload_to="photos", blank=True)
