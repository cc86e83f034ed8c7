"""URLs of the site. Those below the served URL are nginx's, and Django's only with LOCAL_DEV."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

import files.urls
from files import views

admin.site.site_header = admin.site.site_title = settings.SITE_NAME

urlpatterns = [
    *files.urls.local_dev_patterns(),
    # Private uploads in the admin, for its users only. Give others a view of your own.
    path("admin/private/<path:name>", admin.site.admin_view(views.private), name="private"),
    path("admin/", admin.site.urls),
    path("", include("welcome.urls")),
]
