"""The Celery task that runs the relay."""

from celery import shared_task
from celery.signals import worker_shutting_down

from events import relay


# Two ticks a second would fill Flower's history; the metrics tell more.
@shared_task(name="events.relay", ignore_result=True, send_events=False)
def publish() -> None:
    """Publish for one turn; return at once while another thread of this process does.

    Beat sends it twice a second and a turn lasts ten, so a process always has one turn running, and
    a relay starts within half a second after a fault.
    """
    relay.run()


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    relay.loop.stop()
