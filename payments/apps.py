from django.apps import AppConfig

from kernel.i18n import text


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = text(en="Payments", ko="결제")
