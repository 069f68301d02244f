from django.apps import AppConfig

from kernel.i18n import text


class ReservationsConfig(AppConfig):
    name = "reservations"
    verbose_name = text(en="Sale and reservations", ko="판매와 예약")
