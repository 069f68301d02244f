from django.apps import AppConfig

from kernel.i18n import text


class TicketsConfig(AppConfig):
    name = "tickets"
    verbose_name = text(en="Tickets", ko="티켓")
