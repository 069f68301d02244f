from django.apps import AppConfig

from kernel.i18n import text


class QueueingConfig(AppConfig):
    name = "queueing"
    verbose_name = text(en="Waiting rooms", ko="대기실")

    def ready(self) -> None:
        import queueing.api.schema  # noqa: F401, PLC0415  (drf-spectacular wants it imported)
