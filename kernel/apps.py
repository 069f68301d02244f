"""The Django app of the kernel."""

from django.apps import AppConfig

from kernel import clock
from kernel.db import primary_clock
from kernel.staff import labels
from kernel.telemetry import release, statement_spans, tracing


class KernelConfig(AppConfig):
    """What has to be done once a process, before anything else."""

    name = "kernel"

    def ready(self) -> None:
        """Go by the primary's clock, label the models' fields, record traces if they are wanted."""
        clock.follow(primary_clock.present)
        labels.name_fields()
        tracing.start()
        if tracing.is_on():
            statement_spans.install()
        release.announce()
