"""A thousand open pages of one waiting room before the gateway."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from heapq import heapify, heapreplace
from http.client import HTTPConnection
from itertools import repeat

from stack.service import HOST

PAGES, CONNECTIONS = 1000, 20
SECONDS = 6.0
# `poll_after_seconds` of a status; pages spread theirs by a fifth (ui/src/queue/pacing.ts).
EVERY = 2.0


def ask(port: int, path: str, begun: float) -> int:
    """Ask as so many pages do over one connection; returns how often they have asked.

    Each asks for the public status without a login, every two seconds or so.
    """
    connection = HTTPConnection(HOST, port, timeout=60)
    due = [
        (begun + random.uniform(0, EVERY), ("ko", "en")[number % 2])
        for number in range(PAGES // CONNECTIONS)
    ]
    heapify(due)
    asked = 0
    while due[0][0] < begun + SECONDS:
        at, language = due[0]
        time.sleep(max(0.0, at - time.monotonic()))
        connection.request("GET", path, headers={"Accept-Language": language})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        asked += 1
        heapreplace(due, (at + EVERY * random.uniform(0.8, 1.2), language))
    connection.close()
    return asked


def crowd(port: int, path: str) -> tuple[int, float]:
    """Return how often all pages have asked, and in how many seconds."""
    begun = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        asked = pool.map(ask, repeat(port, CONNECTIONS), repeat(path), repeat(begun))
        return sum(asked), time.monotonic() - begun


def test_a_thousand_pages_cost_two_status_reads_a_second_and_language(client, api, public):
    """One a second in each of the two languages, whatever the crowd."""
    api.cache_control = "public, max-age=1"
    asked, seconds = crowd(client.port, public)
    assert asked >= 2 * PAGES
    assert {seen[":path"] for seen in api.seen} == {public}
    assert len(api.seen) <= 2 * (seconds + 1)


def test_the_same_pages_ask_for_the_performance_once_a_second_at_most(client, api, public):
    """What is left by grade, each minute: all of them at once stand for the worst minute."""
    api.cache_control = "public, max-age=2"
    performance = public.replace("/queue/", "/")
    _, seconds = crowd(client.port, performance)
    assert {seen[":path"] for seen in api.seen} == {performance}
    assert len(api.seen) <= 2 * (seconds + 1)
