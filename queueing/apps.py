from django.apps import AppConfig

from kernel.i18n import text


class QueueingConfig(AppConfig):
    name = "queueing"
    verbose_name = text(en="Waiting rooms", ko="대기실")
