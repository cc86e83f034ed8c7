from django.urls import path

from . import views

app_name = "welcome"
urlpatterns = [
    path("", views.page, name="page"),
    path("favicon.ico", views.favicon),  # browsers ask for it on every page, the admin's too
]
