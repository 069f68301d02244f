"""Calls from an event loop: each gets its own reply, and whatever goes wrong goes the other way."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from kernel.redis import loop_connection
from kernel.redis.clients import breaker
from kernel.redis.functions import FunctionLibrary
from kernel.redis.loop_connection import LoopConnection
from tests.support.valkeys import Server, Valkeys, queue_role_at

CODE = """#!lua name=frontrow_loop_test
server.register_function('frontrow_loop_test_echo', function(keys, args) return args end)
server.register_function('frontrow_loop_test_fail', function() return server.error_reply('no') end)
"""
ECHO, FAIL = "frontrow_loop_test_echo", "frontrow_loop_test_fail"


@pytest.fixture
def valkeys(tmp_path, db_ready) -> Iterator[Valkeys]:
    made = Valkeys(tmp_path)
    yield made
    made.stop()


@dataclass
class Play:
    """A connection in a loop, and the server at its other end."""

    server: Server
    connection: LoopConnection

    async def echo(self, word: str) -> str | None:
        reply = await self.connection.call(ECHO, ["key"], [word])
        return None if reply is None else reply[0].decode()

    async def back(self) -> str:
        """Return the first reply that comes again."""
        async with asyncio.timeout(20):
            while (reply := await self.echo("back")) is None:
                await asyncio.sleep(0.01)
            return reply


@pytest.fixture
def play(valkeys, tmp_path, monkeypatch, settings) -> Iterator[Callable[..., None]]:
    monkeypatch.setattr(loop_connection, "_RETRY_SECONDS", 0.02)
    server = valkeys.start()
    path = tmp_path / "echo.lua"
    path.write_text(CODE)

    def run(act: Callable[[Play], Awaitable[None]]) -> None:
        async def acting(executor: ThreadPoolExecutor) -> None:
            connection = LoopConnection(FunctionLibrary("queue", path), executor)
            await connection.open()
            try:
                await act(Play(server, connection))
            finally:
                connection.close()
                await asyncio.sleep(0)

        with ThreadPoolExecutor(1) as executor, queue_role_at(settings, server.url):
            asyncio.run(acting(executor))

    yield run
    breaker("queue").reset()


def test_calls_at_once_get_their_own_replies(play):
    async def act(it):
        words = [str(number) * 50 for number in range(300)]
        assert await asyncio.gather(*(it.echo(word) for word in words)) == words
        assert await it.echo("x" * 1_000_000) == "x" * 1_000_000

    play(act)


def test_an_error_is_left_to_the_other_way_and_a_new_connection_serves(play):
    async def act(it):
        assert await it.connection.call(FAIL, ["key"], []) is None
        assert await it.back() == "back"

    play(act)


def test_a_server_that_restarts_without_its_functions_gets_them_again(play):
    async def act(it):
        it.server.kill()
        assert await it.echo("lost") is None
        it.server.start()
        assert await it.back() == "back"

    play(act)


def test_calls_under_way_end_when_the_server_dies(play):
    async def act(it):
        it.server.process.send_signal(signal.SIGSTOP)
        calls = [asyncio.ensure_future(it.echo(str(number))) for number in range(5)]
        await asyncio.sleep(0)
        it.server.kill()
        assert await asyncio.gather(*calls) == [None] * 5

    play(act)


def heard_of_a_frozen_server(play) -> list[str | None]:
    """Return what two calls hear of a server that was frozen while the first waited."""
    heard = []

    async def act(it):
        it.connection._seconds = 0.2
        it.server.process.send_signal(signal.SIGSTOP)
        heard.append(await it.echo("first"))
        it.server.process.send_signal(signal.SIGCONT)
        it.connection._seconds = 20
        heard.append(await it.echo("second") or await it.back())

    play(act)
    return heard


def test_a_late_reply_is_not_taken_for_the_next_one(play):
    assert heard_of_a_frozen_server(play) == [None, "back"]


@pytest.mark.control
def test_control_a_connection_kept_after_a_timeout_gives_what_nobody_waits_for(play, monkeypatch):
    close, closed = loop_connection._Replies.close, []

    def keep_once(replies):
        closed.append(replies)
        if len(closed) > 1:
            close(replies)
        replies._waiting.clear()

    monkeypatch.setattr(loop_connection._Replies, "close", keep_once)
    assert heard_of_a_frozen_server(play) == [None, "first"]


def test_a_frozen_server_keeps_no_connection_with_what_it_did_not_take(play):
    async def act(it):
        it.connection._seconds = 0.2
        replies = it.connection._protocol
        it.server.process.send_signal(signal.SIGSTOP)
        assert await it.echo("x" * 30_000_000) is None
        async with asyncio.timeout(10):
            while replies._connection._sock is not None:
                await asyncio.sleep(0.01)
        it.server.process.send_signal(signal.SIGCONT)

    play(act)


def test_an_open_breaker_is_left_to_the_other_way(play):
    async def act(it):
        for _ in range(3):
            breaker("queue")._record_failure(ConnectionError("a test"))
        assert await it.echo("refused") is None
        breaker("queue").reset()
        assert await it.echo("served") == "served"

    play(act)


def test_a_cluster_is_left_to_the_other_way(valkeys, tmp_path, settings):
    path = tmp_path / "echo.lua"
    path.write_text(CODE)

    async def act(executor):
        connection = LoopConnection(FunctionLibrary("queue", path), executor)
        await connection.open()
        assert await connection.call(ECHO, ["key"], ["word"]) is None
        connection.close()

    url = valkeys.cluster()[0].url.replace("redis:", "redis+cluster:")
    with ThreadPoolExecutor(1) as executor, queue_role_at(settings, url):
        asyncio.run(act(executor))
