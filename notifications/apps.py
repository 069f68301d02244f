from django.apps import AppConfig

from kernel.i18n import text


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = text(en="Notifications", ko="알림")
