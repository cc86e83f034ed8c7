"""The first page: it shows that the split works. Delete the folder when your own work starts."""

from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static

from files import rules


class PhotoForm(forms.ModelForm):
    class Meta:
        model = get_user_model()
        fields = ["photo"]
        widgets = {"photo": forms.FileInput(attrs={"accept": "image/*", "required": True})}


def page(request: HttpRequest) -> HttpResponse:
    """Show the signed-in user's photo and take a new one; with LOCAL_DEV, show the split."""
    form = None
    if request.user.is_authenticated:
        user = get_user_model().objects.get(pk=request.user.pk)  # a refused photo changes this copy
        form = PhotoForm(request.POST or None, request.FILES or None, instance=user)
        if request.method == "POST" and form.is_valid():
            form.save()
            return redirect("welcome:page")
    context = {
        "site_name": settings.SITE_NAME,
        "form": form,
        "split": the_split() if settings.LOCAL_DEV else None,
    }
    return render(request, "welcome/page.html", context)


def favicon(request: HttpRequest) -> HttpResponse:
    """Send browsers on to the icon, which is a static file."""
    return redirect(static("welcome/favicon.svg"))


def the_split() -> list[dict[str, object]]:
    """Return what the page shows of each kind of file: its address, its folder, what is wrong."""
    problems = list(rules.problems(rules.Site(settings)))
    return [
        {
            "kind": kind,
            "what": what,
            "url": getattr(settings, f"{kind.upper()}_URL"),
            "root": getattr(settings, f"{kind.upper()}_ROOT"),
            "written_by": writer,
            "problems": [p for p in problems if f"{kind.upper()}_" in p.message],
        }
        for kind, what, writer in (
            ("Static", "The site's own files", "collectstatic, at a release"),
            ("Media", "Files that users upload", "the application, at run time"),
        )
    ]
