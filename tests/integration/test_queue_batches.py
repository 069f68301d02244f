"""Joins and polls of many fans in one call: the same as one after the other."""

from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from kernel import clock
from kernel.ids import uuid7
from kernel.rate_limiting.in_redis import RateLimited
from queueing import policy, tokens
from queueing.errors import (
    InvitationInvalid,
    QueueClosed,
    QueueTokenInvalid,
    QueueTokenRequired,
    QueueUnavailable,
)
from queueing.fan_requests import Applicant, JoinRequest, PollRequest
from queueing.models import RoomState
from queueing.places import QueuePlace
from queueing.queue_server import FanCall, Fate, JoinTerms, queue_server
from queueing.replies import PlaceState, Reply
from queueing.tokens import Audience, Proof
from queueing.usecases import waiting_room
from tests.support.round_trips import counted_round_trips
from tests.support.twin_rooms import EPOCH, FIRST_DRAWN, FIRST_NUMBER, TwinRoom
from tests.support.waiting_rooms import Room, wipe_queue_server

USERS = [uuid5(UUID(int=0), str(i)) for i in range(8)]
PROOF_UNTIL = datetime(2100, 1, 1, tzinfo=UTC)

rules = st.fixed_dictionaries(
    {
        "state": st.sampled_from(RoomState.values),
        "capacity": st.integers(1, 4),
        "rate_per_second": st.sampled_from([0.2, 1, 7, 50]),
        "grace_seconds": st.just(5),
        "session_seconds": st.sampled_from([30, 60]),
        "joins_per_minute": st.sampled_from([None, 0, 2, 5]),
        "joins_per_minute_per_address": st.sampled_from([None, 4]),
        "accounts_per_address": st.sampled_from([0, 2]),
        "abuse_check": st.sampled_from(["OFF", "OFF", "PROOF_OF_WORK"]),
        "numbers": st.sampled_from([3, 100]),
        "draws": st.sampled_from([0, 3, 100]),
    }
)
fans = st.tuples(
    st.integers(0, len(USERS) - 1),  # who
    st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
    st.sampled_from([False, False, False, True]),  # invited
    st.sampled_from([None, None, None, *Fate]),  # the fate of a place of the epoch before
    st.booleans(),  # its session had begun
    st.sampled_from([500, 500, FIRST_DRAWN + 40, 10**8]),  # its number: given, drawn, never given
)
steps = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 300, 4000, 40_000, 130_000]),  # ms
        st.sampled_from(["join", "join", "poll", "leave"]),
        st.lists(st.tuples(fans, st.booleans()), min_size=1, max_size=8),  # and whether to cut
    ),
    min_size=1,
    max_size=12,
)


def fan_call(room: TwinRoom, fan) -> FanCall:
    who, client_ip, invited, fate, had_begun, number = fan
    proof = None
    if fate is not None:
        until_ms = room.now_ms + 7000 if had_begun else 0
        proof = Proof(
            Audience.TOKEN, USERS[who], room.performance_id, number + who, EPOCH - 1, until_ms, 5,
            PROOF_UNTIL,
        )  # fmt: skip
    terms = JoinTerms(invited=invited, client_ip=client_ip, work_bits=18 * (who % 2))
    return FanCall(USERS[who], proof, terms, fate=fate or Fate.UNKNOWN)


def sent_alone(server, room: TwinRoom, kind: str, fan) -> Reply:
    """Return the reply to a fan who is alone, having checked how many it says are in front."""
    call = fan_call(room, fan)
    [reply] = room.send(kind, [call])
    spot = reply.spot
    if spot is not None and spot.state is PlaceState.WAITING:
        is_lot = spot.room_state == RoomState.PRESALE and spot.number > FIRST_DRAWN
        ahead = spot.waiting - 1 if is_lot else room.ahead_of(server, call.user_id)
        assert spot.ahead == ahead
    return reply


def batches_of(cut_fans) -> list[list]:
    """Return the fans in batches, a new one after every cut."""
    batches: list[list] = [[]]
    for fan, is_cut in cut_fans:
        batches[-1].append(fan)
        if is_cut:
            batches.append([])
    return [batch for batch in batches if batch]


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rules=rules, steps=steps)
def test_batches_of_any_size_do_what_single_calls_do(queue_redis, rules, steps):
    now_ms = clock.to_ms(clock.now()) - 10_000_000
    alone, together = (TwinRoom.begin(now_ms=now_ms, **rules) for _ in range(2))
    for elapsed_ms, kind, cut_fans in steps:
        for room in (alone, together):
            room.now_ms += elapsed_ms
        if kind == "leave":
            for room in (alone, together):
                room.leave(USERS[cut_fans[0][0][0]])
            continue
        single = [sent_alone(queue_redis, alone, kind, fan) for fan, _ in cut_fans]
        batched = [
            reply
            for batch in batches_of(cut_fans)
            for reply in together.send(kind, [fan_call(together, fan) for fan in batch])
        ]
        assert batched == single
    assert together.contents(queue_redis) == alone.contents(queue_redis)


def join_many(room: Room, users, **applicant) -> list:
    return waiting_room.join_many(
        performance_id=room.performance.pk,
        requests=[JoinRequest(user, applicant=Applicant(**applicant)) for user in users],
        now=room.now,
    )


def new_users(count: int) -> list[UUID]:
    return [uuid7() for _ in range(count)]


class TestOrderAndLimits:
    def test_a_full_batch_gets_its_numbers_in_its_order_by_one_call(self):
        room = Room.open(capacity=1)
        room.join()
        users = new_users(policy.BATCH_FANS)
        with counted_round_trips() as trips:
            outcomes = join_many(room, users)
        assert (trips.redis, trips.sql) == (["FCALL frontrow_queue_v1_join_many"], [])
        assert [place.number for place in outcomes] == list(range(2, policy.BATCH_FANS + 2))
        assert [place.ahead for place in outcomes] == list(range(policy.BATCH_FANS))
        requests = [
            PollRequest(user, place.token) for user, place in zip(users, outcomes, strict=True)
        ]
        with counted_round_trips() as trips:
            shown = waiting_room.poll_many(
                performance_id=room.performance.pk, requests=requests, now=room.now
            )
        assert (trips.redis, trips.sql) == (["FCALL frontrow_queue_v1_poll_many"], [])
        assert [place.ahead for place in shown] == list(range(policy.BATCH_FANS))

    @pytest.mark.parametrize("many", [join_many, None], ids=["joins", "polls"])
    def test_more_than_a_batch_is_refused_before_the_server_is_called(self, many):
        room = Room.open()
        users = new_users(policy.BATCH_FANS + 1)
        with counted_round_trips() as trips, pytest.raises(ValueError, match="at most 128"):
            if many:
                many(room, users)
            else:
                waiting_room.poll_many(
                    performance_id=room.performance.pk,
                    requests=[PollRequest(user, "token") for user in users],
                    now=room.now,
                )
        assert trips.redis == []

    def test_nobody_is_a_batch_without_a_call(self):
        room = Room.open()
        with counted_round_trips() as trips:
            assert join_many(room, []) == []
        assert trips.redis == []

    def test_the_same_fan_twice_has_one_place_and_is_counted_twice(self):
        room = Room.open(joins_per_minute=2)
        [user] = new_users(1)
        first, second, third = join_many(room, [user] * 3)
        assert (first.number, first.created) == (1, True)
        assert (second.number, second.created) == (1, False)
        assert isinstance(third, RateLimited)

    def test_an_address_is_counted_for_each_and_hurts_no_other(self):
        room = Room.open(joins_per_minute_per_address=3)
        outcomes = waiting_room.join_many(
            performance_id=room.performance.pk,
            requests=[
                JoinRequest(user, applicant=Applicant(client_ip=f"10.0.0.{i % 2}"))
                for i, user in enumerate(new_users(9))
            ],
            now=room.now,
        )
        limited = [i for i, outcome in enumerate(outcomes) if isinstance(outcome, RateLimited)]
        assert limited == [6, 7, 8]
        assert [outcome.number for outcome in outcomes[:6]] == [1, 2, 3, 4, 5, 6]


class TestNumbersNeverGiven:
    """A token of days that PostgreSQL has lost names a number that it has not reserved."""

    def heard_and_true(self, server) -> tuple[int, int | None]:
        """Return how many a new fan hears are in front after such a token was shown, and are."""
        now_ms = clock.to_ms(clock.now()) - 10_000_000
        room = TwinRoom.begin(now_ms=now_ms, numbers=100, draws=0, capacity=1, state="OPEN")
        first, lost, new = (FanCall(user, None) for user in USERS[:3])
        room.send("join", [first])
        lost.proof = Proof(
            Audience.TOKEN, lost.user_id, room.performance_id, FIRST_NUMBER + 50, EPOCH - 1, 0, 5,
            PROOF_UNTIL,
        )  # fmt: skip
        lost.fate = Fate.KEPT
        room.send("poll", [lost])
        [reply] = room.send("join", [new])
        return reply.spot.ahead, room.ahead_of(server, new.user_id)

    def test_it_brings_no_place_so_that_a_new_fan_stands_behind_all(self, queue_redis):
        assert self.heard_and_true(queue_redis) == (1, 1)

    @pytest.mark.control
    def test_control_a_number_never_given_makes_a_new_fan_count_wrongly(
        self, queue_redis, weakened
    ):
        weakened("if number > room.next then return nil end", "")
        assert self.heard_and_true(queue_redis) == (2, 1)


class TestCapacity:
    def most_admitted(self) -> int:
        room = Room.open(capacity=3, rate_per_second=50)
        places = join_many(room.later(60), new_users(20))
        return sum(place.state is PlaceState.ADMITTED for place in places)

    def test_a_batch_admits_no_more_than_the_capacity(self):
        assert self.most_admitted() == 3

    @pytest.mark.control
    def test_control_a_batch_that_counts_nobody_admits_too_many(self, weakened):
        weakened("if room.live then room.live = room.live + 1 end", "")
        assert self.most_admitted() > 3


class TestOneOfMany:
    def test_refusals_hurt_no_other(self):
        room = Room.open(capacity=1)
        users = new_users(3)
        bad = Applicant(invitation_code="nonsense")
        outcomes = waiting_room.join_many(
            performance_id=room.performance.pk,
            requests=[
                JoinRequest(users[0]),
                JoinRequest(users[1], applicant=bad),
                JoinRequest(users[2], token="no token at all"),
            ],
            now=room.now,
        )
        assert isinstance(outcomes[1], InvitationInvalid)
        assert [outcomes[0].number, outcomes[2].number] == [1, 2]
        shown = waiting_room.poll_many(
            performance_id=room.performance.pk,
            requests=[PollRequest(users[0], "nonsense"), PollRequest(users[2], outcomes[2].token)],
            now=room.now,
        )
        assert isinstance(shown[0], QueueTokenInvalid)
        assert shown[1].number == 2

    def test_anothers_proof_is_not_taken_for_a_poll(self):
        room = Room.open(capacity=1)
        (user, mine), (_, others) = room.join(), room.join()
        proof = tokens.verify_alone(others.token, performance_id=room.performance.pk, now=room.now)
        request = PollRequest(user, mine.token, proof)
        [place] = waiting_room.poll_many(
            performance_id=room.performance.pk, requests=[request], now=room.now
        )
        assert place.number == mine.number
        [refused] = waiting_room.poll_many(
            performance_id=room.performance.pk,
            requests=[PollRequest(user, None, proof)],
            now=room.now,
        )
        assert isinstance(refused, QueueTokenRequired)

    def test_a_room_that_is_closed_says_so_to_each(self):
        room = Room.open(state="CLOSED")
        assert [type(outcome) for outcome in join_many(room, new_users(3))] == [QueueClosed] * 3

    def broken_in_the_middle(self, queue_redis) -> tuple[list, list]:
        room = Room.open(capacity=1)
        users = new_users(4)
        room.join()
        queue_redis.hset(f"fr:q:{{{room.performance.pk}}}:people", str(users[2]), "no place")
        before = join_many(room, users)
        return before, join_many(room, new_users(1))

    def test_a_place_that_cannot_be_read_fails_alone(self, queue_redis):
        outcomes, [later] = self.broken_in_the_middle(queue_redis)
        assert isinstance(outcomes[2], ResponseError)
        numbers = [outcomes[i].number for i in (0, 1, 3)]
        assert numbers[:2] == [2, 3]
        assert numbers[1] < numbers[2] < later.number  # one that failed may leave a gap

    @pytest.mark.control
    def test_control_an_error_that_ends_the_call_fails_everybody(self, queue_redis, weakened):
        weakened("pcall(serve, i, user)", "true, serve(i, user)")
        outcomes, _ = self.broken_in_the_middle(queue_redis)
        assert all(isinstance(outcome, ResponseError) for outcome in outcomes)

    def test_arguments_that_do_not_fit_change_nothing(self, queue_redis):
        room = Room.open()
        room.join()
        tag = f"fr:q:{{{room.performance.pk}}}:"
        keys = [tag + name for name in ("config", "state", "waiting", "active", "people", "birth")]
        before = queue_redis.hgetall(keys[1])
        moment = clock.to_ms(room.now)
        for args in ([moment], [moment, "u"], [moment, *["u", ""] * 129]):
            with pytest.raises(ResponseError, match="a batch has 1 to 128 fans"):
                queue_redis.fcall("frontrow_queue_v1_poll_many", 6, *keys, *args)
        with pytest.raises(ResponseError, match="a batch has 1 to 128 fans"):
            queue_redis.fcall(
                "frontrow_queue_v1_join_many", 6, *keys, moment, 1, 1, 1, 1, "u", "", ""
            )
        keys += [f"{tag}calls:0", f"{tag}calls:1", f"{tag}from:a"]
        with pytest.raises(ResponseError):
            args = [moment, 1, 1, 1, 1, "u", "", "no terms"]
            queue_redis.fcall("frontrow_queue_v1_join_many", 9, *keys, *args)
        assert queue_redis.hgetall(keys[1]) == before


class TestRecovery:
    def test_a_cold_room_is_recovered_once_for_all(self, queue_redis):
        room = Room.open()
        places = join_many(room, new_users(5))
        assert [place.number for place in places] == [1, 2, 3, 4, 5]
        wipe_queue_server(queue_redis)
        places = join_many(room.later(1), new_users(5))
        assert len({place.number for place in places}) == 5
        assert all(low.number < high.number for low, high in pairwise(places))

    def test_numbers_that_run_out_in_the_middle_are_reserved_for_the_rest(self, monkeypatch):
        monkeypatch.setattr(policy, "NUMBER_BLOCK", 4)
        room = Room.open(capacity=1)
        sent: list[list[UUID]] = []
        join = queue_server.join_many

        def spied(*, fans, **moment):
            sent.append([fan.user_id for fan in fans])
            return join(fans=fans, **moment)

        room.join()
        monkeypatch.setattr(queue_server, "join_many", spied)
        users = new_users(6)
        places = join_many(room, users)
        assert [place.number for place in places] == [2, 3, 4, 5, 6, 7]
        assert sent[0] == users
        assert all(batch == users[3:] for batch in sent[1:])  # those served are not sent again

    def test_those_served_stand_when_the_rest_cannot_be(self, monkeypatch):
        monkeypatch.setattr(policy, "NUMBER_BLOCK", 4)
        room = Room.open(capacity=1)
        room.join()
        monkeypatch.setattr("queueing.recovery.raise_ceiling", lambda *_, **__: None)
        outcomes = join_many(room, new_users(5))
        assert [place.number for place in outcomes[:3]] == [2, 3, 4]
        assert [type(outcome) for outcome in outcomes[3:]] == [QueueUnavailable] * 2

    def test_a_batch_that_is_lost_comes_back_by_its_tokens(self, queue_redis):
        room = Room.open(capacity=1)
        users = new_users(4)
        tokens = [place.token for place in join_many(room, users)]
        wipe_queue_server(queue_redis)
        shown = waiting_room.poll_many(
            performance_id=room.performance.pk,
            requests=[PollRequest(*pair) for pair in zip(users, tokens, strict=True)],
            now=room.later(1).now,
        )
        assert [place.number for place in shown] == [1, 2, 3, 4]
        assert all(isinstance(place, QueuePlace) for place in shown)


def test_a_server_that_is_away_is_everybodys_outcome(parts):
    room = Room.open()
    room.join()
    parts.part("queue").stop()
    try:
        outcomes = join_many(room, new_users(3))
    finally:
        parts.part("queue").start()
    assert [type(outcome) for outcome in outcomes] == [QueueUnavailable] * 3


def test_the_function_takes_as_many_as_the_policy_says():
    text = "\n".join(path.read_text() for path in queue_server.library.sources)
    assert f"local MOST_FANS = {policy.BATCH_FANS} " in text
