from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """The site's user model. Django cannot switch to a custom one after the first migration."""
