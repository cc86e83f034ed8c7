"""URLs of the site. Those below the URL prefix are nginx's; with LOCAL_DEV they are Django's."""

from django.conf import settings
from django.contrib import admin
from django.urls import path

from files.views import local_dev_patterns, private
from welcome.views import page

admin.site.site_header = admin.site.site_title = settings.SITE_NAME

urlpatterns = [
    *local_dev_patterns(),
    # Private uploads in the admin, for its users. For others, write a view that calls `private`.
    path("admin/private/<path:name>", admin.site.admin_view(private), name="private"),
    path("admin/", admin.site.urls),
    path("", page),  # welcome/
]
