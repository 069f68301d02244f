from django.apps import AppConfig

from kernel.i18n import text


class PersonalConfig(AppConfig):
    name = "personal"
    verbose_name = text(en="Personal data", ko="개인정보")
