"""What somebody does by hand on servers that run: statements, keys, an event that is none."""

import os
import socket
import threading
from contextlib import closing, suppress

import psycopg
from confluent_kafka import Producer
from redis import Redis

from drills.alerts.fault import Mending
from drills.alerts.site import ObservedSite
from stack.service import HOST

_LONG = "SELECT pg_sleep(600)"
_LOCK, _OTHER_LOCK = 7301, 7302  # advisory ones that the product doesn't take
_WAITING = 8
_KEYS, _KEYS_AT_ONCE, _KEY_LIFE_MS = 120_000, 5_000, 2_000
_TOPIC = "frontrow.reservations.v1"
_KAFKA_SECONDS = 10.0
# The server ends what it runs for somebody who has gone: nothing of ours cancels a statement.
_NOTICES = "-c client_connection_check_interval=500"


def _connection(site: ObservedSite) -> psycopg.Connection:
    url = site.environment["DATABASE_URL"]
    return psycopg.connect(url, autocommit=True, application_name="drill", options=_NOTICES)


def run_long(site: ObservedSite) -> Mending:
    """Run a statement that doesn't end."""
    connection = _connection(site)
    running = threading.Thread(target=_until_closed, args=(connection, _LONG))
    running.start()
    return lambda: _end([connection], [running])


def idle_in_transaction(site: ObservedSite) -> Mending:
    """Begin a transaction and do nothing."""
    connection = _connection(site)
    connection.execute("BEGIN")
    connection.execute("SELECT 1")
    return connection.close


def wait_for_a_lock(site: ObservedSite) -> Mending:
    """Let eight sessions wait for the lock of a ninth."""
    holder = _connection(site)
    holder.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    waiting = [_connection(site) for _ in range(_WAITING)]
    threads = [
        threading.Thread(target=_until_closed, args=(one, f"SELECT pg_advisory_lock({_LOCK})"))
        for one in waiting
    ]
    for one in threads:
        one.start()
    return lambda: _end([holder, *waiting], threads)


def deadlock(site: ObservedSite) -> Mending:
    """Let two transactions wait for each other; PostgreSQL ends one, and its locks with it."""
    with closing(_connection(site)) as one, closing(_connection(site)) as other:
        for connection, lock in ((one, _LOCK), (other, _OTHER_LOCK)):
            connection.execute("BEGIN")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
        crossing = threading.Thread(
            target=_until_closed, args=(one, f"SELECT pg_advisory_xact_lock({_OTHER_LOCK})")
        )
        crossing.start()
        with suppress(psycopg.errors.DeadlockDetected):
            other.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        other.execute("ROLLBACK")
        crossing.join()
    return lambda: None


def expire_many_keys(site: ObservedSite) -> Mending:
    """Write keys into the cache that all end in two seconds."""
    with closing(Redis(host=HOST, port=site.ports["cache"], socket_timeout=10)) as cache:
        for first in range(0, _KEYS, _KEYS_AT_ONCE):
            with cache.pipeline(transaction=False) as pipe:
                for number in range(first, first + _KEYS_AT_ONCE):
                    pipe.set(f"drill:{number}", "1", px=_KEY_LIFE_MS)
                pipe.execute()
    return lambda: None


def send_no_event(site: ObservedSite) -> Mending:
    """Put a message into the topic of reservations that is no event; its letters are dropped."""
    producer = Producer({"bootstrap.servers": site.environment["KAFKA_BOOTSTRAP_SERVERS"]})
    producer.produce(_TOPIC, value=b"no event", key=b"drill")
    if producer.flush(_KAFKA_SECONDS):
        raise TimeoutError("Kafka did not take the message")

    def mend() -> None:
        site.manage("events", "dead", "drop", "--topic", _TOPIC, "--reason", "a drill")

    return mend


def _until_closed(connection: psycopg.Connection, statement: str) -> None:
    with suppress(psycopg.Error):
        connection.execute(statement)


def _end(connections: list[psycopg.Connection], threads: list[threading.Thread]) -> None:
    for one in connections:
        # What a thread waits for can't be closed under it; its way to the server can.
        with socket.socket(fileno=os.dup(one.fileno())) as way, suppress(OSError):
            way.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(10)
    for one in connections:
        one.close()
