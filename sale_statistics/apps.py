from django.apps import AppConfig

from kernel.i18n import text


class StatisticsConfig(AppConfig):
    name = "sale_statistics"
    label = "statistics"
    verbose_name = text(en="Statistics", ko="통계")
