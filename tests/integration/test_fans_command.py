"""`manage.py fans`: people by the thousand for load scripts."""

import io
import json
import subprocess
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import tokens
from accounts.models import User
from kernel import clock
from tests.support.production import environment


def make(**options):
    out = io.StringIO()
    call_command("fans", stdout=out, **({"as_json": True} | options))
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_each_fan_has_the_points_and_a_token_for_two_hours():
    fans = make(count=3, points=5000)
    assert [set(fan) for fan in fans] == [{"email", "user_id", "access_token"}] * 3
    for fan in fans:
        answer = Client().get(
            "/api/v1/points/", headers={"Authorization": f"Bearer {fan['access_token']}"}
        )
        assert "5000" in answer.content.decode()
        for minutes in (0, 119):
            later = clock.now() + timedelta(minutes=minutes)
            caller = tokens.read_access_token(fan["access_token"], now=later)
            assert str(caller.user_id) == fan["user_id"]


def test_addresses_are_new_in_every_run():
    emails = [fan["email"] for _ in range(3) for fan in make(count=5, prefix="load")]
    assert len(set(emails)) == 15
    assert all(email.startswith("load-") for email in emails)


def test_nobody_can_log_in_as_them_by_password():
    make(count=1)
    assert not User.objects.get().has_usable_password()


@pytest.mark.parametrize("options", [{"count": 0}, {"count": 100_001}, {"count": 1, "points": -1}])
def test_nonsense_is_refused(options):
    with pytest.raises(CommandError):
        make(**options)
    assert not User.objects.exists()


def test_a_prefix_that_is_no_address_is_refused():
    with pytest.raises(CommandError, match="--prefix"):
        make(count=1, prefix="a b@c")


def test_where_test_fans_are_not_allowed_nobody_is_made(settings):
    settings.TEST_FANS_ALLOWED = False
    with pytest.raises(CommandError, match="refused"):
        make(count=1)
    assert not User.objects.exists()


def test_ten_thousand_are_made_in_bulk():
    with CaptureQueriesContext(connection) as statements:
        fans = make(count=10_000, points=1_000_000)
    assert len({fan["user_id"] for fan in fans}) == 10_000
    assert len(statements) < 100


def test_production_settings_refuse_in_one_line_and_an_exit_code(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "fans", "--count", "1", "--json"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert "refused" in done.stderr.splitlines()[-1]
