from django.apps import AppConfig

from kernel.i18n import text


class ConcertsConfig(AppConfig):
    name = "concerts"
    verbose_name = text(en="Concerts", ko="공연")
