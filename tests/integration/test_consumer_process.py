"""The real process: killed between effect and offset, stopped by a signal, watched by its file."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from events import runtime
from kernel import clock
from kernel.ids import uuid7
from sale_statistics.models import HourlySales
from tests.support.children import await_children_gone, child_environment
from tests.support.consuming import Handler, committed, consumer, new_group, start_from_now
from tests.support.outbox import new_event, relay_all, sale_confirmed, write
from tests.support.waiting import await_that

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).resolve().parents[2]
TOPIC, GROUP = "frontrow.reservations.v1", "statistics"

# No offset is ever committed, however the events' partitions are cut into batches: the process
# is always between effect and offset when it is killed.
UNCOMMITTED = """
import django
django.setup()
from django.core.management import call_command
from events import runtime
runtime.GroupRunner._commit = lambda self, client, partitions=None: None
call_command("consume", "--group", "statistics")
"""
# The same, counting again what its inbox knows.
FORGETFUL = """
import django
django.setup()
from django.core.management import call_command
from events import consumers
insert = consumers._insert_inbox_entries
def forget(group, events, now):
    insert(group, events, now)
    return {event.id for event in events}
consumers._insert_inbox_entries = forget
call_command("consume", "--group", "statistics")
"""
MANAGE = [sys.executable, "manage.py", "consume", "--group", GROUP]


@contextmanager
def process(argv: list[str], kafka: str, **more: str) -> Iterator[subprocess.Popen]:
    environment = child_environment(kafka, DJANGO_SETTINGS_MODULE="config.settings.test", **more)
    child = subprocess.Popen(argv, env=environment, cwd=ROOT)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        await_children_gone()


def sold(performance_id) -> int:
    rows = HourlySales.objects.filter(performance_id=performance_id)
    return sum(rows.values_list("seats", flat=True))


def killed_between_effect_and_offset(kafka: str, performance_id) -> dict[int, int]:
    """Have three sales counted and the process killed before it commits; return the offsets."""
    start_from_now(kafka, GROUP)
    before = committed(kafka, TOPIC, GROUP)
    write(*(sale_confirmed(performance_id, seats=2) for _ in range(3)))
    relay_all()
    with process([sys.executable, "-c", UNCOMMITTED], kafka) as child:
        await_that(lambda: sold(performance_id) == 6, "counted", seconds=60)
        child.send_signal(signal.SIGKILL)
        child.wait(30)
    assert committed(kafka, TOPIC, GROUP) == before
    return before


def test_an_effect_whose_offset_was_lost_with_the_process_is_not_repeated(kafka, tmp_path):
    performance_id, alive = uuid7(), tmp_path / "alive"
    before = killed_between_effect_and_offset(kafka, performance_id)
    with process(MANAGE, kafka, CONSUMER_LIVENESS_FILE=str(alive)) as child:
        await_that(lambda: committed(kafka, TOPIC, GROUP) != before, "committed", seconds=90)
        await_that(
            lambda: sum(committed(kafka, TOPIC, GROUP).values()) == sum(before.values()) + 3,
            "all of them",
            seconds=60,
        )
        assert sold(performance_id) == 6
        first = await_that(lambda: alive.exists() and alive.stat().st_mtime_ns, "it lives")
        await_that(lambda: alive.stat().st_mtime_ns > first, "it goes on living")
        # A graceful stop: the message in hand, the offsets, the group; then exit code 0.
        write(sale_confirmed(performance_id, seats=1))
        relay_all()
        await_that(lambda: sold(performance_id) == 7, "counted", seconds=60)
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0
    assert sum(committed(kafka, TOPIC, GROUP).values()) == sum(before.values()) + 4


@pytest.mark.control
def test_without_the_inbox_it_would_be_repeated(kafka):
    performance_id = uuid7()
    killed_between_effect_and_offset(kafka, performance_id)
    with process([sys.executable, "-c", FORGETFUL], kafka):
        await_that(lambda: sold(performance_id) == 12, "counted twice", seconds=90)


def test_a_group_that_hangs_takes_the_file_with_it(tmp_path, monkeypatch, kafka):
    """The file grows old, and who watches it starts the process again."""
    alive, stopping, begun, go_on = tmp_path / "alive", *(threading.Event() for _ in range(3))
    monkeypatch.setattr(runtime, "LIVENESS_SECONDS", 2.0)
    monkeypatch.setattr(runtime, "LIVENESS_EVERY_SECONDS", 0.0)

    def hang(event):
        begun.set()
        assert go_on.wait(60)

    group = consumer(new_group(kafka), Handler(hang))
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(
            runtime.consume,
            [group],
            now=clock.now,
            stopping=stopping,
            liveness=runtime.Liveness(alive),
        )
        try:
            await_that(alive.exists, "it lives")
            write(new_event())
            relay_all()
            assert begun.wait(30)
            await_that(lambda: _is_touched_no_more(alive), "it hangs", seconds=30)
            go_on.set()
            await_that(lambda: not _is_touched_no_more(alive), "it lives again", seconds=30)
        finally:
            go_on.set()
            stopping.set()
        assert work.result(timeout=30) is True


def _is_touched_no_more(path: Path) -> bool:
    before = path.stat().st_mtime_ns
    time.sleep(1)  # five times as long as the loop needs
    return path.stat().st_mtime_ns == before
