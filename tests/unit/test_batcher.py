"""Those who wait for the same call are served by one, each alone (Note [Batches in flight])."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastpath import batcher
from fastpath.batcher import Batcher
from kernel.outcomes import Outcome


class Server:
    """Serves batches that a test holds up; remembers them and how many were under way at once."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[int]]] = []
        self.free = threading.Event()
        self.free.set()
        self.most_at_once: dict[str, int] = {}
        self._under_way: dict[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, key: str, requests: Sequence[int]) -> list[Outcome[str]]:
        with self._lock:
            self.batches.append((key, list(requests)))
            self._under_way[key] = self._under_way.get(key, 0) + 1
            self.most_at_once[key] = max(self.most_at_once.get(key, 0), self._under_way[key])
        assert self.free.wait(10)
        with self._lock:
            self._under_way[key] -= 1
        if -1 in requests:
            raise LookupError("the whole batch")
        return [ValueError(str(one)) if one % 10 == 9 else f"{key}{one}" for one in requests]


def run(
    play: Callable[[Batcher[str, int, str], Server], Awaitable[object]], *, most: int = 128
) -> Server:
    server = Server()

    async def playing(executor: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()

        def serve(key: str, requests: Sequence[int]) -> "asyncio.Future[list[Outcome[str]]]":
            return loop.run_in_executor(executor, server, key, requests)

        made = Batcher(serve, most=most, kind="join")
        try:
            await asyncio.wait_for(play(made, server), 20)
        finally:
            server.free.set()
        await until(lambda: not made._waiting)  # nothing is kept of rooms that nobody asks for

    with ThreadPoolExecutor(4) as executor:
        asyncio.run(playing(executor))
    return server


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


def test_who_comes_while_a_batch_is_under_way_goes_with_the_next():
    async def play(made, server):
        server.free.clear()
        first = made.submit("a", 1)
        await until(lambda: server.batches)
        later = [made.submit("a", number) for number in (2, 3, 4)]
        server.free.set()
        assert await asyncio.gather(first, *later) == ["a1", "a2", "a3", "a4"]

    assert run(play).batches == [("a", [1]), ("a", [2, 3, 4])]


def test_who_comes_in_one_turn_of_the_loop_goes_together():
    async def play(made, server):
        await asyncio.gather(*(made.submit("a", number) for number in range(8)))

    assert run(play).batches == [("a", list(range(8)))]


def test_a_batch_is_never_larger_than_a_call_takes():
    async def play(made, server):
        await asyncio.gather(*(made.submit("a", number) for number in range(8)))

    assert [len(batch) for _, batch in run(play, most=3).batches] == [3, 3, 2]


def test_rooms_do_not_wait_for_each_other():
    async def play(made, server):
        server.free.clear()
        answers = [made.submit("a", 1), made.submit("b", 2)]
        await until(lambda: len(server.batches) == 2)
        server.free.set()
        assert await asyncio.gather(*answers) == ["a1", "b2"]

    run(play)


def test_an_error_of_one_is_that_ones_alone():
    async def play(made, server):
        refused, served = await asyncio.gather(made.submit("a", 9), made.submit("a", 10))
        assert isinstance(refused, ValueError)
        assert served == "a10"

    run(play)


def test_a_batch_that_fails_as_a_whole_fails_for_all_in_it_and_for_nobody_after():
    async def play(made, server):
        lost = await asyncio.gather(made.submit("a", -1), made.submit("a", 1))
        assert [type(one) for one in lost] == [LookupError, LookupError]
        assert await made.submit("a", 2) == "a2"

    run(play)


def test_a_fan_who_has_gone_hurts_nobody():
    async def play(made, server):
        server.free.clear()
        in_batch = [made.submit("a", 1), made.submit("a", 2)]
        await until(lambda: server.batches)
        next_batch = [made.submit("a", 3), made.submit("a", 4)]
        in_batch[0].cancel()
        next_batch[0].cancel()
        server.free.set()
        assert await in_batch[1] == "a2"
        assert await next_batch[1] == "a4"

    assert run(play).batches == [("a", [1, 2]), ("a", [4])]


@pytest.mark.control
def test_control_unless_those_who_have_gone_are_passed_over_the_others_hang(monkeypatch):
    class Forgetful(asyncio.Future):
        def done(self):
            return False

    async def play(made, server):
        loop = asyncio.get_running_loop()
        failures = []
        loop.set_exception_handler(lambda _, what: failures.append(what))
        monkeypatch.setattr(loop, "create_future", lambda: Forgetful(loop=loop))
        gone, left = made.submit("a", 1), made.submit("a", 2)
        monkeypatch.undo()
        gone.cancel()
        await until(lambda: not made._serving)
        assert left._state == "PENDING"
        made._waiting.clear()

    run(play)


def test_a_batch_that_follows_another_waits_for_those_who_come_within_the_spacing(monkeypatch):
    monkeypatch.setattr(batcher, "SPACING_SECONDS", 0.2)

    async def play(made, server):
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await made.submit("a", 1) == "a1"
        assert loop.time() - began < 0.2  # who comes alone waits for nothing
        second = made.submit("a", 2)
        await asyncio.sleep(0)
        assert await asyncio.gather(second, made.submit("a", 3)) == ["a2", "a3"]

    assert run(play).batches == [("a", [1]), ("a", [2, 3])]


@settings(max_examples=60, deadline=None)
@given(
    arrivals=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 99), st.booleans())),
    most=st.integers(1, 5),
)
def test_each_gets_the_outcome_of_the_own_request_in_the_order_of_arrival(arrivals, most):
    async def play(made, server):
        waiting = []
        for key, number, with_a_turn in arrivals:
            waiting.append((key, number, made.submit(key, number)))
            if with_a_turn:
                await asyncio.sleep(0)
        for key, number, answered in waiting:
            with suppress(ValueError):
                outcome = await answered
                assert str(outcome) == (str(number) if number % 10 == 9 else f"{key}{number}")

    server = run(play, most=most)
    for key in "ab":
        served = [one for room, batch in server.batches for one in batch if room == key]
        assert served == [number for room, number, _ in arrivals if room == key]
    assert set(server.most_at_once.values()) <= {1}
    assert all(len(batch) <= most for _, batch in server.batches)
