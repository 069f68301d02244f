from django.apps import AppConfig

from kernel.i18n import text


class WebhooksConfig(AppConfig):
    name = "webhooks"
    verbose_name = text(en="Webhooks", ko="웹훅")
