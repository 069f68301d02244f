"""After an outage a pool finds the server soon, however long it was gone."""

import os
import threading
import time
from contextlib import suppress

import psycopg
import pytest
from django.conf import settings
from psycopg_pool import ConnectionPool, PoolTimeout

OUTAGE_SECONDS = 3.5  # a pool left to itself tries at 0, 1, 3 and 7 s
SOON_SECONDS = 2.0
PATIENCE_SECONDS = 10.0


def seconds_until_served(**options):
    """Return how long after an outage who keeps asking a pool for a connection gets one."""
    is_back = threading.Event()

    class Absent(psycopg.Connection):
        @classmethod
        def connect(cls, *args, **kwargs):
            if not is_back.is_set():
                raise psycopg.OperationalError("connection refused")
            return super().connect(*args, **kwargs)

    own = settings.DATABASES["default"]["OPTIONS"]["pool"]
    options = {**own, "timeout": 0.2, "connection_class": Absent, **options}
    with ConnectionPool(os.environ["DATABASE_URL"], open=True, **options) as pool:
        returns = time.monotonic() + OUTAGE_SECONDS
        timer = threading.Timer(OUTAGE_SECONDS, is_back.set)
        timer.start()
        while time.monotonic() < returns + PATIENCE_SECONDS:
            with suppress(PoolTimeout), pool.connection():
                return time.monotonic() - returns
    raise TimeoutError("no connection")


@pytest.mark.usefixtures("db_ready")
def test_a_server_that_is_back_is_found_at_once():
    assert seconds_until_served() < SOON_SECONDS


@pytest.mark.control
@pytest.mark.usefixtures("db_ready")
def test_control_a_pool_left_to_itself_waits_ever_longer():
    assert seconds_until_served(reconnect_timeout=300.0) > SOON_SECONDS
