"""Template tags. 500.html gets no context, so `site_name` is a tag and not a variable."""

from django import template
from django.conf import settings

register = template.Library()
register.simple_tag(lambda: settings.SITE_NAME, name="site_name")
