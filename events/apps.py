from django.apps import AppConfig

from kernel.i18n import text


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = text(en="Events", ko="이벤트")
