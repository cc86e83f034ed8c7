"""The rendered project's URLs, a view that returns the request as JSON, and private files."""

import time

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from config.urls import urlpatterns as project_urls
from files import views


def mark(get_response):
    """Mark Django's responses, so that tests can tell them from nginx's."""

    def middleware(request):
        response = get_response(request)
        response["X-Django"] = "1"
        return response

    return middleware


@csrf_exempt
def echo(request):
    meta = {name: value for name, value in request.META.items() if isinstance(value, str)}
    seen = {"method": request.method, "length": len(request.body), "secure": request.is_secure()}
    return JsonResponse({**seen, "meta": meta})


# As in docs/nginx.md: any logged-in user can read.
papers = login_required(views.private)


def slow(request):
    time.sleep(0.5)
    return HttpResponse()


def repeat(request):
    """A mistake: a page with a visitor's text, unescaped."""
    return HttpResponse(request.GET["text"])


urlpatterns = [
    path("echo/", echo),
    path("slow/", slow),
    path("repeat/", repeat),
    path("papers/<path:name>", papers),
    *project_urls,
]
