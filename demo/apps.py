from django.apps import AppConfig

from kernel.i18n import text


class DemoConfig(AppConfig):
    name = "demo"
    verbose_name = text(en="Demo", ko="데모")
