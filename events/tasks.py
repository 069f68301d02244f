"""Celery's way into the relay."""

from celery import shared_task
from celery.signals import worker_shutting_down

from events import relay


# Two ticks a second would fill Flower's history; the metrics tell more.
@shared_task(name="events.relay", ignore_result=True, send_events=False)
def publish() -> None:
    """Publish for one turn; while another thread of this process does, return at once.

    Beat sends it twice a second, a turn lasts ten: so a process always has one turn running, and
    a relay that came back after a fault starts within half a second.
    """
    relay.run()


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    relay.loop.stop()
