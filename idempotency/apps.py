from django.apps import AppConfig

from kernel.i18n import text


class IdempotencyConfig(AppConfig):
    name = "idempotency"
    verbose_name = text(en="Repeated requests", ko="중복 요청 기록")
