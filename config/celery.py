"""The Celery application, for workers, beat and senders of tasks."""

import os

from celery import Celery, signals

from config import broker
from kernel.telemetry import tasks
from kernel.workers import task_expiry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

broker.install()
app = Celery("frontrow", task_cls=task_expiry.PrimaryTimeTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
tasks.connect()
signals.before_task_publish.connect(task_expiry.expire_by_primary, weak=False)
