"""A thousand open pages of one waiting room before the gateway."""

import asyncio
import random
import time
from itertools import count

import httpx

PAGES = 1000
SECONDS = 6
# `poll_after_seconds` of a status; pages spread theirs by a fifth (ui/src/queue/pacing.ts).
EVERY = 2.0


async def page(client: httpx.AsyncClient, path: str, language: str, until: float) -> int:
    """Ask as a page does: the public status, without a login, every two seconds or so."""
    headers = {"Accept": "application/json", "Accept-Language": language}
    await asyncio.sleep(random.uniform(0, EVERY))
    for asked in count(1):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 200
        await asyncio.sleep(EVERY * random.uniform(0.8, 1.2))
        if time.monotonic() >= until:
            return asked
    raise AssertionError("it counts without end")


async def crowd(url: str, path: str) -> tuple[int, float]:
    """Return how often all pages have asked, and in how many seconds."""
    begun = time.monotonic()
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=30) as client:
        languages = ("ko", "en")
        asked = await asyncio.gather(
            *(page(client, path, languages[n % 2], begun + SECONDS) for n in range(PAGES))
        )
    return sum(asked), time.monotonic() - begun


def test_a_thousand_pages_cost_two_status_reads_a_second_and_language(client, api, public):
    """One a second in each of the two languages, whatever the crowd."""
    api.cache_control = "public, max-age=1"
    asked, seconds = asyncio.run(crowd(str(client.base_url), public))
    assert asked >= PAGES
    assert {seen[":path"] for seen in api.seen} == {public}
    assert len(api.seen) <= 2 * (seconds + 1)


def test_the_same_pages_ask_for_the_performance_once_a_second_at_most(client, api, public):
    """What is left by grade, each minute: all of them at once stand for the worst minute."""
    api.cache_control = "public, max-age=2"
    performance = public.replace("/queue/", "/")
    _, seconds = asyncio.run(crowd(str(client.base_url), performance))
    assert {seen[":path"] for seen in api.seen} == {performance}
    assert len(api.seen) <= 2 * (seconds + 1)
