"""What a join and a poll cost the service, counted in Python calls: a figure that no load moves."""

import asyncio
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any
from uuid import UUID

import pytest
import uvloop

from accounts.tokens import issue_access_token
from fastpath.http_connection import HttpConnection
from fastpath.http_server import HttpServer
from fastpath.service import FastPathService
from kernel import clock
from kernel.ids import uuid7
from queueing.usecases import waiting_room
from tests.support.waiting_rooms import make_room, place_url, queue_url

pytestmark = pytest.mark.usefixtures("db_ready", "nothing_counted")

FANS = 64  # whom one call of the queue server serves


class Transport:
    """The other end of a connection: counts what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return "127.0.0.1", 1

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        self.written.append(data)


def calls_a_request(rounds: Sequence[Sequence[bytes]]) -> float:
    """Return the Python calls of the loop's thread for each request of the last round.

    A request of each round comes on a connection of its own, from its bytes to its response.
    """
    calls = 0

    def count(_frame: FrameType, event: str, _arg: Any) -> None:
        nonlocal calls
        calls += event == "call"

    async def play(executor: ThreadPoolExecutor) -> None:
        nonlocal calls
        service = FastPathService(executor)
        await service.open()
        server = HttpServer(service.answer)
        transports = [Transport() for _ in range(FANS)]
        connections = [HttpConnection(server) for _ in transports]
        for connection, transport in zip(connections, transports, strict=True):
            connection.connection_made(transport)
        for number, requests in enumerate(rounds, start=1):
            calls = 0
            sys.setprofile(count)
            try:
                for connection, request in zip(connections, requests, strict=True):
                    connection.data_received(request)
                while not all(len(one.written) == number for one in transports):
                    await asyncio.sleep(0.05)
            finally:
                sys.setprofile(None)
        assert {one.written[-1][9:11] for one in transports} == {b"20"}
        service.close()
        await asyncio.sleep(0)

    with ThreadPoolExecutor(2) as executor:
        uvloop.run(play(executor))
    return calls / FANS


def request(method: str, url: str, fan: UUID, number: int, token: str = "") -> bytes:
    login = issue_access_token(
        user_id=fan, session_id=str(fan), is_staff=False, groups=[], now=clock.now()
    )
    lines = [
        f"{method} {url} HTTP/1.1",
        "Host: testserver",
        f"X-Forwarded-For: 10.1.2.{number}",
        f"Authorization: Bearer {login}",
        f"X-Queue-Token: {token}" if token else "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.fixture
def room():
    room = make_room(rate_per_second="0.1", capacity=1)
    waiting_room.public_status(performance_id=room.pk, now=clock.now())  # now in Redis
    return room


def test_a_join_with_a_new_login(room):
    rounds = [
        [request("POST", queue_url(room), uuid7(), number) for number in range(FANS)]
        for _ in range(2)
    ]
    assert calls_a_request(rounds) < 130


def test_a_poll_with_a_login_that_is_known(room):
    fans = [uuid7() for _ in range(FANS)]
    polls = []
    for number, fan in enumerate(fans):
        place = waiting_room.join(user_id=fan, performance_id=room.pk, token=None, now=clock.now())
        polls.append(request("GET", place_url(room), fan, number, place.token))
    assert calls_a_request([polls, polls]) < 130
