"""What a process remembers is bounded, whatever strangers ask for."""

import pytest

from catalogue.api import packing
from kernel import clock
from kernel.caching.in_process import LocalDocuments
from kernel.caching.responses import Rendered, document_of
from kernel.caching.short_lived import ShortLivedCache
from kernel.errors import DomainError
from kernel.http import call_limits
from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from kernel.rate_limiting.gcra import Gcra
from queueing.usecases import waiting_room
from reservations.seating import snapshot
from reservations.seating.chooser import Wish
from tests.support import factories
from tests.support.hostile import Caller


def test_rooms_that_do_not_exist_leave_nothing_behind(db_ready):
    for _ in range(20):
        with pytest.raises(DomainError):
            waiting_room.public_status(performance_id=uuid7(), now=clock.now())
    assert waiting_room._public._single_flight._locks == {}


def test_a_brief_cache_forgets_everything_past_its_limit():
    cache: ShortLivedCache[int, int] = ShortLivedCache(seconds=60, limit=10)
    for key in range(1000):
        assert cache.get(key, lambda key=key: key) == key
        assert len(cache._values) <= 10
    assert cache._single_flight._locks == {}


def test_callers_are_counted_in_bounded_memory(monkeypatch, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"default": "5/day"}
    callers = Gcra(most=100)
    monkeypatch.setattr(throttle, "_callers", callers)
    for _ in range(1000):
        throttle.count("default", str(uuid7()))
        throttle.charge_refusal(str(uuid7()))
        assert len(callers) <= 100


def test_a_limit_holds_while_there_is_room_for_its_counter(settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"default": "2/hour"}
    throttle.forget_callers()
    who = str(uuid7())
    waits = [throttle.count("default", who).wait for _ in range(3)]
    assert [wait is None for wait in waits] == [True, True, False]


def test_one_subscriber_with_many_ipv6_addresses_is_one_caller(settings, db_ready):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"anonymous": "2/hour"}
    call_limits.forget_client_ips()
    addresses = ("2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff::3", "2001:db8:1:3::1")
    nobody = Caller(None)
    answers = [nobody.send("GET", "/api/v1/concerts/", REMOTE_ADDR=a) for a in addresses]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]


def test_compressed_answers_are_kept_up_to_a_size(monkeypatch):
    monkeypatch.setattr(packing, "_packed", LocalDocuments(entries=100, size=500))
    for n in range(50):
        built = Rendered(bytes(uuid7().hex, "ascii") * 10, "no-cache")
        document = document_of(built, built_at=clock.now())
        first = packing.gzipped(document)
        assert packing.gzipped(document) == first, n
        assert packing._packed._used <= 500


def test_snapshots_of_seats_are_kept_up_to_a_number_of_seats(db_ready, monkeypatch):
    monkeypatch.setattr(snapshot, "_SEATS", 25)
    seats = snapshot.SeatSnapshots()
    performances = [factories.make_performance(seats=10) for _ in range(4)]
    for performance in [*performances, *performances]:
        wish = Wish(count=2)
        chosen = seats.propose(performance_id=performance.pk, wish=wish, now=clock.now())
        assert len(chosen) == 2
        kept = [len(known.plan.seat_ids) for known in seats._snapshots.values()]
        assert sum(kept) <= 25
    assert list(seats._snapshots) == [performance.pk for performance in performances[-2:]]
