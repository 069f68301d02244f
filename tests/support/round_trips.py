"""Count what a piece of code asks the servers: budgets are counted, not timed."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from redis import Redis
from redis.client import Pipeline

from kernel.redis.connections import ConnectionStack
from kernel.redis.loop_connection import LoopConnection

# These threads, once a second, work for no request.
_OF_NO_REQUEST = {"revoked-sessions", "failed-responses"}
_TRANSACTION_WORDS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET ")


@dataclass
class RoundTrips:
    """What was asked: Redis commands (a pipeline is one trip) and SQL, BEGIN and the like aside."""

    redis: list[str] = field(default_factory=list)
    sql: list[str] = field(default_factory=list)


@contextmanager
def counted_round_trips() -> Iterator[RoundTrips]:
    """Yield the trips made inside the block, by this thread or another that serves requests."""
    trips = RoundTrips()
    command, line, pipeline = Redis.execute_command, ConnectionStack.execute_all, Pipeline.execute
    loop_call = LoopConnection.call

    def record(words):
        if threading.current_thread().name not in _OF_NO_REQUEST:
            trips.redis.append(words)

    def record_command(args):
        record(" ".join(str(arg) for arg in args[:2]))

    def spied_command(self, *args, **options):
        record_command(args)
        return command(self, *args, **options)

    def spied_execute_all(self, commands):
        record_command(commands[0])
        return line(self, commands)

    def spied_pipeline(self, *args, **options):
        record("pipeline")
        return pipeline(self, *args, **options)

    async def spied_loop_call(self, function, keys, args):
        reply = await loop_call(self, function, keys, args)
        if reply is not None:  # else the same call is made the ordinary way
            record_command(("FCALL", function))
        return reply

    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(LoopConnection, "call", spied_loop_call)
        patch.setattr(Redis, "execute_command", spied_command)
        patch.setattr(ConnectionStack, "execute_all", spied_execute_all)
        patch.setattr(Pipeline, "execute", spied_pipeline)
        captured = [
            stack.enter_context(CaptureQueriesContext(connection))
            for connection in connections.all()
        ]
        yield trips
    trips.sql = [
        query["sql"]
        for capture in captured
        for query in capture.captured_queries
        if not query["sql"].upper().startswith(_TRANSACTION_WORDS)
    ]
