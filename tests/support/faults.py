"""Fans who shop while a part fails, the responses they got, and what was published."""

from collections import Counter
from collections.abc import Iterable

import httpx

from proof.history.facts import FanPurchase
from tests.support.kafka_reader import Record
from tests.support.shopper import Shopper
from tests.support.site import Site

POINTS = 1_000_000


def fans(site: Site, count: int) -> list[Shopper]:
    return [Shopper(site, fan, patience=90) for fan in site.fans(count, POINTS)]


def watched(shoppers: list[Shopper]) -> list[httpx.Response]:
    """Return a list that will hold every answer of 500 and above that these fans are given."""
    failures: list[httpx.Response] = []

    def keep_failure(answer: httpx.Response) -> None:
        if answer.status_code >= 500:
            answer.read()
            failures.append(answer)

    for shopper in shoppers:
        shopper.http.event_hooks["response"].append(keep_failure)
    return failures


def not_promised(failures: list[httpx.Response]) -> list[str]:
    """Return the failures that are no 503 problem that says when to come again."""
    return [
        f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}"
        for answer in failures
        if answer.status_code != 503
        or answer.headers["Content-Type"] != "application/problem+json"
        or int(answer.headers.get("Retry-After", 0)) < 1
    ]


def bought(outcomes: list[FanPurchase | httpx.Response]) -> list[FanPurchase]:
    """Return the purchases; fails where one of them is a refusal."""
    assert [one.text for one in outcomes if isinstance(one, httpx.Response)] == []
    return [one for one in outcomes if isinstance(one, FanPurchase)]


def unpublished(site: Site) -> int:
    statement = "SELECT count(*) FROM events_outboxevent WHERE published_at IS NULL"
    return site.rows(statement)[0][0]


def expired(records: list[Record], reservations: Iterable[str]) -> Counter[str]:
    """Count the events that say that one of these reservations has expired."""
    ours = set(reservations)
    return Counter(r.key for r in records if r.type == "reservation.expired" and r.key in ours)
