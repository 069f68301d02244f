"""The Django app of the kernel."""

from django.apps import AppConfig

from kernel import clock
from kernel.db import primary_clock
from kernel.staff import labels
from kernel.telemetry import release


class KernelConfig(AppConfig):
    """What has to be done once a process, before anything else."""

    name = "kernel"

    def ready(self) -> None:
        """Go by the primary's clock, and label the models' fields."""
        clock.follow(primary_clock.present)
        labels.name_fields()
        release.announce()
