from django.apps import AppConfig

from kernel.i18n import text


class PointsConfig(AppConfig):
    name = "points"
    verbose_name = text(en="Points", ko="포인트")
