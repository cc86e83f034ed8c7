"""The first page: "Coming soon" on a server, with LOCAL_DEV a demo of static and media files."""

from django import forms
from django.conf import settings
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from .models import Photo


class PhotoForm(forms.ModelForm):
    class Meta:
        model = Photo
        fields = ["image"]
        widgets = {"image": forms.FileInput(attrs={"accept": "image/*"})}


def page(request: HttpRequest) -> HttpResponse:
    """Show the site's name; with LOCAL_DEV also the newest photo and a form to upload one."""
    context = {"site_name": settings.SITE_NAME}
    if settings.LOCAL_DEV:
        form = PhotoForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            form.save()
            return redirect(request.path)
        messages = [m for m in run_checks() if not m.is_silenced()]
        photo = Photo.objects.order_by("pk").last()
        context |= {"form": form, "photo": photo, "messages": messages, "settings": settings}
    return render(request, "welcome/page.html", context)
