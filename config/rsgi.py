"""The RSGI application: the service `fastpath`, one process and one event loop."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
django.setup()

# Once Django is set up: they import models.
from django.conf import settings  # noqa: E402

from fastpath.service import FastPathService, fill_copies  # noqa: E402
from kernel.telemetry import exposition  # noqa: E402

# What the loop looks at without waiting is read before there is a loop.
fill_copies()
if settings.FASTPATH_METRICS_PORT:
    exposition.serve(settings.FASTPATH_METRICS_PORT)
application = FastPathService()
