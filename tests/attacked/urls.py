"""The rendered project's URLs, a view that shows a request as Django sees it, and private files."""

from config.urls import urlpatterns as own
from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from files import views


def mark(get_response):
    """Mark what Django answers, so that a test can tell it from what nginx answers."""

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


# The example of docs/nginx.md: whoever is signed in may read.
papers = login_required(views.private)

urlpatterns = [path("echo/", echo), path("papers/<path:name>", papers), *own]
