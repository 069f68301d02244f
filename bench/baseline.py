"""The baseline of the speed bars: a Django application of one view that reads one key of Redis.

No middleware, no app; the Redis client is the product's own pooled one, so that both sides pay
the same for the call.
"""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django_redis import get_redis_connection

from config.settings.redis import CACHES

KEY = "fr:bench:baseline"

settings.configure(
    SECRET_KEY=os.environ["SECRET_KEY"],
    ALLOWED_HOSTS=["127.0.0.1"],
    CACHES=CACHES,
    INSTALLED_APPS=[],
    MIDDLEWARE=[],
    ROOT_URLCONF=__name__,
    USE_I18N=False,
)


def view(_request: HttpRequest) -> HttpResponse:
    """Return what one GET finds."""
    found = get_redis_connection("queue").get(KEY) or b"{}"
    # With its length, or the server would have to send it in chunks.
    headers = {"Content-Type": "application/json", "Content-Length": str(len(found))}
    return HttpResponse(found, headers=headers)


urlpatterns = [path("baseline/", view)]
application = get_wsgi_application()
