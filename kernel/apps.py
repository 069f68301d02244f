from django.apps import AppConfig

from kernel import labels


class KernelConfig(AppConfig):
    name = "kernel"

    def ready(self) -> None:
        labels.name_fields()
