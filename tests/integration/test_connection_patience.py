"""A server that does not respond is given up; one that is busy is left its time."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import errors

from kernel.db.connection import patient_for


@pytest.fixture
def connection():
    with patient_for(0.5).connect(os.environ["REPLICA_URL"]) as made:
        yield made


def test_a_frozen_server_is_given_up(connection, parts):
    connection.execute("SELECT 1")
    replica = parts.part("replica")
    replica.pause()
    started = time.monotonic()
    try:
        with pytest.raises(psycopg.OperationalError, match="no response within"):
            connection.execute("SELECT 1")
    finally:
        replica.resume()
    assert time.monotonic() - started < 5
    assert connection.closed


@pytest.mark.control
def test_an_ordinary_connection_waits_on_for_a_frozen_server(parts):
    with (
        psycopg.connect(os.environ["REPLICA_URL"], autocommit=True) as ordinary,
        ThreadPoolExecutor(1) as pool,
    ):
        replica = parts.part("replica")
        replica.pause()
        try:
            asked = pool.submit(ordinary.execute, "SELECT 1")
            with pytest.raises(TimeoutError):
                asked.result(timeout=2)
        finally:
            replica.resume()
        assert asked.result(timeout=10).fetchone() == (1,)


def test_an_error_of_the_server_leaves_the_connection_open(connection):
    with pytest.raises(errors.DivisionByZero):
        connection.execute("SELECT 1 / 0")
    connection.rollback()
    assert connection.execute("SELECT 2").fetchone() == (2,)
