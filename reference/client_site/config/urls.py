"""URLs of the site. Those below the URL prefix are nginx's; with LOCAL_DEV they are Django's."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from files.views import local_dev_patterns, private_in_admin
from welcome.views import page

admin.site.site_header = admin.site.site_title = settings.SITE_NAME

urlpatterns = [
    *local_dev_patterns(),
    # For users of the admin. For others, write a view that calls `private`.
    path("admin/private/<path:name>", admin.site.admin_view(private_in_admin), name="private"),
    path("admin/", admin.site.urls),
    path("accounts/login/", LoginView.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("", page),  # welcome/
]
