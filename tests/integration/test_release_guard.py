"""No release begins around the opening of a sale, but for a reason that is kept."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import AuditEntry
from boxoffice import release_guard
from concerts.models import Performance
from kernel import clock
from queueing.models import QueueConfig
from reservations.models import SalePolicy
from tests.support import factories, waiting_rooms

ROOT = Path(__file__).parents[2]


def opening_in(minutes: float, *, queue: bool = False, **changes) -> Performance:
    """Make a performance whose sale, or whose queue alone, opens in so many minutes."""
    opens, far = clock.now() + timedelta(minutes=minutes), clock.now() + timedelta(days=9)
    performance = factories.make_performance(seats=1)
    SalePolicy.objects.filter(performance=performance).update(
        sale_opens_at=far if queue else opens, sale_closes_at=far + timedelta(days=1)
    )
    if queue:
        waiting_rooms.make_room(performance=performance, queue_opens_at=opens)
    for name, value in changes.items():
        setattr(performance, name, value)
    performance.save()
    return performance


def kept():
    return AuditEntry.objects.filter(action="boxoffice.release_into_an_opening")


def asked(*words: str) -> dict:
    out = StringIO()
    call_command("release_guard", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.mark.parametrize("minutes", [-16, 31])
@pytest.mark.parametrize("queue", [False, True])
def test_a_release_may_begin_where_nothing_opens(db_ready, minutes, queue):
    opening_in(minutes, queue=queue)
    assert asked() == {"may_begin": True, "openings": []}


@pytest.mark.control
@pytest.mark.parametrize("minutes", [-14, 29])
@pytest.mark.parametrize("queue", [False, True])
def test_control_an_opening_refuses_it(db_ready, minutes, queue):
    opening_in(minutes, queue=queue)
    with pytest.raises(CommandError, match="1 openings are near") as refused:
        asked()
    assert refused.value.returncode == 1
    assert not kept().exists()


def test_what_nobody_can_buy_opens_for_nobody(db_ready):
    opening_in(5, status=Performance.Status.CANCELLED)
    opening_in(5, deleted_at=clock.now())
    draft = opening_in(5)
    draft.concert.published_at = None
    draft.concert.save()
    assert asked()["may_begin"]


def test_with_a_reason_it_begins_and_the_reason_is_kept(db_ready, settings):
    settings.FRONTROW_RELEASE = "1.2.3"
    met = opening_in(-5)
    said = asked("--override", "holds fail since the opening")
    assert said["may_begin"]
    assert [one["performance_id"] for one in said["openings"]] == [str(met.pk)]
    [entry] = kept()
    assert (entry.target_type, entry.target_id, entry.reason) == (
        "release",
        "1.2.3",
        "holds fail since the opening",
    )
    assert entry.changes == {"performances": [str(met.pk)]}


def test_a_reason_without_an_opening_is_nothing_to_keep(db_ready):
    assert asked("--override", "in any case")["may_begin"]
    assert not kept().exists()


def test_too_long_a_reason_is_refused(db_ready):
    with pytest.raises(CommandError) as refused:
        asked("--override", "x" * 201)
    assert refused.value.returncode == 2


def test_it_reads_what_every_release_has(db_ready, django_assert_num_queries):
    """The new release asks before its migrations: one of its columns would not be there yet."""
    opening_in(5, queue=True)
    with django_assert_num_queries(3) as queries:
        release_guard.openings(now=clock.now())
    read = [one["sql"].partition(" FROM ")[0] for one in queries.captured_queries]
    fields = {QueueConfig: "queue_opens_at", SalePolicy: "sale_opens_at"}
    for model, column in fields.items():
        table = model._meta.db_table
        wanted = f'SELECT "{table}"."performance_id" AS "performance_id", "{table}"."{column}"'
        assert any(one.startswith(wanted) for one in read), read


def environment(database: str) -> dict[str, str]:
    url = urlsplit(os.environ["DATABASE_URL"])
    return {**os.environ, "DATABASE_URL": urlunsplit(url._replace(path=f"/{database}"))}


@pytest.fixture
def empty_database(db_ready):
    """The name of a database without a table."""
    name = f"{connection.settings_dict['NAME']}_empty"
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    yield name
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}"')


def test_at_the_first_install_nothing_opens(empty_database):
    done = subprocess.run(
        [sys.executable, "manage.py", "release_guard", "--json"],
        cwd=ROOT,
        env=environment(empty_database),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert json.loads(done.stdout) == {"may_begin": True, "openings": []}


def test_a_database_that_is_not_there_is_said(db_ready):
    nowhere = {**os.environ, "DATABASE_URL": "postgresql://frontrow@127.0.0.1:1/frontrow"}
    done = subprocess.run(
        [sys.executable, "manage.py", "release_guard"],
        cwd=ROOT,
        env=nowhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "nobody knows what opens" in done.stderr
