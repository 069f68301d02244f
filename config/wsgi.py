"""The WSGI application: Django, with the waiting room's fast path in front."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

django = get_wsgi_application()

# Once Django is set up: it imports models.
from queueing.fastpath import FastPath  # noqa: E402

application = FastPath(django)
