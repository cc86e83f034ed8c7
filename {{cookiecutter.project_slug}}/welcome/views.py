"""The first page: "Coming soon" on a server, with LOCAL_DEV a demo of static and media files."""

import io
import os

from django.conf import settings
from django.core.checks import Error, run_checks
from django.core.files.images import ImageFile
from django.forms import modelform_factory
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from .models import Photo

PhotoForm = modelform_factory(Photo, fields=["image"])


def page(request: HttpRequest) -> HttpResponse:
    """Show the site's name; with LOCAL_DEV also the newest photo and a form to upload one."""
    context = {"settings": settings}
    if settings.LOCAL_DEV:
        form = PhotoForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            form.save()
            return redirect(request.path)
        messages = [m for m in run_checks() if not m.is_silenced()]
        photo = Photo.objects.order_by("pk").last()
        try:
            photo = photo or upload_sample()
        except Exception as error:  # such as a MEDIA_ROOT that is not writable
            messages.append(Error(f"The sample was not stored: {error}", id="welcome.E001"))
        media_root = os.path.relpath(settings.MEDIA_ROOT, settings.BASE_DIR)
        context |= {"form": form, "photo": photo, "messages": messages, "media_root": media_root}
    return render(request, "welcome/page.html", context)


def upload_sample() -> Photo:
    """Store a picture as an upload, so that the first page of a new project shows one."""
    from PIL import Image, ImageDraw, ImageOps  # here: not in the start of each command

    image = ImageOps.colorize(Image.linear_gradient("L").resize((960, 600)), "#a34a12", "#f7c59a")
    ImageDraw.Draw(image).ellipse((600, 120, 760, 280), "#fbfaf7")
    ImageDraw.Draw(image).polygon([-200, 600, 290, 230, 570, 450, 730, 330, 1100, 600], "#0b6e5b")
    image.save(content := io.BytesIO(), "PNG")
    return Photo.objects.create(image=ImageFile(content, "sample.png"))
