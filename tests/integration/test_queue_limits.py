"""How often a person and an address may join, and how many people of one address."""

import contextlib

import pytest

from kernel.caller import client_ip_tag
from kernel.rate_limiting.headers import RateLimitStatus
from kernel.rate_limiting.in_redis import RateLimited
from queueing import fan_batches
from queueing.errors import TooManyAccounts
from queueing.usecases import waiting_room
from tests.support.round_trips import counted_round_trips
from tests.support.waiting_rooms import Room

WINDOW_SECONDS = 120  # SHORTEST_WINDOW_MS of lua/queue_limits.lua


class TestLimits:
    def test_a_person_joins_so_often_and_learns_how_long_to_wait(self):
        room = Room.open(joins_per_minute=3)
        user, _ = room.join()
        room.join(user)
        room.join(user)
        with pytest.raises(RateLimited) as refusal:
            room.join(user)
        assert 1 <= refusal.value.retry_after <= 60
        room.join()  # others are counted apart
        room.later(121)
        room.join(user)

    def test_an_address_is_counted_for_every_person(self):
        room = Room.open(joins_per_minute_per_address=3)
        for _ in range(3):
            room.join(client_ip="10.0.0.1")
        with pytest.raises(RateLimited):
            room.join(client_ip="10.0.0.1")
        room.join(client_ip="10.0.0.2")

    def test_ipv6_addresses_are_counted_by_network(self):
        assert client_ip_tag("2001:db8::1") == client_ip_tag("2001:db8::ffff")
        assert client_ip_tag("2001:db8::1") != client_ip_tag("2001:db8:0:1::1")
        assert "10.0.0.1" not in client_ip_tag("10.0.0.1")

    def test_the_window_slides(self):
        room = Room.open(joins_per_minute=10)
        user, _ = room.join()
        begin = 60 - room.now.timestamp() % 60
        room.later(begin + 59)
        for _ in range(9):
            room.join(user)
        room.later(2)  # a new window, in which most of the old one is still in view
        room.join(user)
        with pytest.raises(RateLimited):
            room.join(user)

    def joins_after_a_window_ends(self, seconds: float) -> int:
        """Return how many joins pass so long after three at the end of a window of counts."""
        room = Room.open(joins_per_minute=3)
        user, _ = room.join()
        room.later(2 * WINDOW_SECONDS - room.now.timestamp() % WINDOW_SECONDS - 1)
        for _ in range(3):
            room.join(user)
        room.later(1 + seconds)
        passed = 0
        with contextlib.suppress(RateLimited):
            for _ in range(4):
                room.join(user)
                passed += 1
        return passed

    @pytest.mark.parametrize(
        ("seconds", "passed"), [(0, 0), (18.5, 0), (19.5, 1), (58.5, 2), (59, 3), (60, 3), (61, 3)]
    )
    def test_calls_of_the_window_before_count_as_long_as_those_of_this_one(self, seconds, passed):
        assert self.joins_after_a_window_ends(seconds) == passed

    @pytest.mark.control
    def test_control_a_window_read_alone_forgets_them(self, weakened):
        weakened("if room.now - window * window_ms >= period_ms then", "if true then")
        assert self.joins_after_a_window_ends(0) == 3

    def test_staff_change_a_limit_and_it_is_in_force_at_once(self):
        room = Room.open(joins_per_minute=1)
        user, _ = room.join()
        with pytest.raises(RateLimited):
            room.join(user)
        room.set_config(joins_per_minute=0)
        for _ in range(5):
            room.join(user)
        room.set_config(joins_per_minute=1)
        with pytest.raises(RateLimited):
            room.join(user)

    def test_the_site_says_what_a_room_does_not(self, settings):
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"join": "2/minute"}
        room = Room.open()
        user, _ = room.join()
        room.join(user)
        with pytest.raises(RateLimited):
            room.join(user)

    def test_the_limit_is_returned_and_counted_in_the_one_call(self):
        room = Room.open(joins_per_minute=5)
        user, _ = room.join()
        limit_status = RateLimitStatus()
        with counted_round_trips() as trips:
            waiting_room.join(
                user_id=user,
                performance_id=room.performance.pk,
                token=None,
                now=room.now,
                limit_status=limit_status,
            )
        assert trips.redis == ["FCALL frontrow_queue_v1_join_many"]
        policy_field, state = limit_status.fields
        assert policy_field == '"join";q=5;w=60'
        assert state.startswith('"join";r=3;t=')

    def test_a_room_made_by_the_join_counts_it_once(self):
        room = Room.open(joins_per_minute=1)
        user, _ = room.join()  # cold: asked several times
        with pytest.raises(RateLimited):
            room.join(user)


class TestAccountsOfAnAddress:
    def test_no_more_people_than_the_cap(self):
        room = Room.open(accounts_per_address=2)
        [first, _] = [room.join(client_ip="10.0.0.1")[0] for _ in range(2)]
        before = fan_batches.refusals.labels("too_many_accounts")._value.get()
        with pytest.raises(TooManyAccounts):
            room.join(client_ip="10.0.0.1")
        assert fan_batches.refusals.labels("too_many_accounts")._value.get() == before + 1
        room.join(client_ip="10.0.0.2")
        room.join(first, client_ip="10.0.0.1")  # the same place
        room.leave(first)
        room.join(first, client_ip="10.0.0.1")  # a new place of one who counts already

    def test_off_by_default(self):
        room = Room.open()
        for _ in range(20):
            room.join(client_ip="10.0.0.1")
