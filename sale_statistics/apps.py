from django.apps import AppConfig


class StatisticsConfig(AppConfig):
    name = "sale_statistics"
    label = "statistics"
