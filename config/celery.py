"""The Celery application: workers, beat and whoever sends tasks."""

import os

from celery import Celery

from kernel.telemetry import tasks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

app = Celery("frontrow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
tasks.connect()
