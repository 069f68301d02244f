"""Whatever is shown as a join token proves nothing, and is counted, where it is none of ours."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel import clock
from kernel.ids import uuid7
from queueing import policy, tokens
from queueing.errors import QueueTokenInvalid
from tests.support.factories import make_user
from tests.support.hostile import Caller, code_of, json_of, token_of
from tests.support.round_trips import counted_round_trips
from tests.support.waiting_rooms import admission_pass, joined, make_room, place_url, queue_url
from tests.support.wsgi import bearer


@pytest.fixture
def room(db_ready):
    return make_room(capacity=1)


def expired(room) -> str:
    now = clock.now() - timedelta(seconds=policy.TOKEN_SECONDS + 1)
    return tokens.sign_token(
        user_id=uuid7(), performance_id=room.pk, number=1, epoch=1, joined_ms=1, now=now
    )


def expired_pass(room) -> str:
    now = clock.now() - timedelta(hours=1)
    terms = {"user_id": uuid7(), "performance_id": room.pk, "number": 1, "epoch": 1}
    return tokens.sign_pass(
        **terms, joined_ms=1, admitted_until=now + timedelta(minutes=1), now=now
    )


def invitation(room) -> str:
    return tokens.sign_invitation(
        invitation_id=uuid7(),
        performance_id=room.pk,
        expires_at=clock.now() + timedelta(days=1),
    )


HOSTILE = {
    "of another performance": lambda room: joined(make_room()),
    "a pass of another performance": lambda room: admission_pass(make_room()),
    "expired": expired,
    "a pass that has expired": expired_pass,
    "an invitation code": invitation,
    "an access token": lambda room: token_of(make_user()),
    "two tokens": lambda room: f"{joined(room)},{joined(room)}",
    "appended to": lambda room: joined(room) + "A",
    "padded": lambda room: joined(room) + "=",
    "behind a scheme": lambda room: f"Bearer {joined(room)}",
    "cut": lambda room: joined(room)[:-1],
    "oversized": lambda room: "a" * 60_000,
    "endless parts": lambda room: "a." * 30_000,
    "not ASCII": lambda room: "é" * 20,
    "nonsense": lambda room: "x",
    "null": lambda room: "null",
}


class TestHostileTokens:
    @pytest.mark.parametrize("what", HOSTILE)
    def test_what_proves_nothing_is_refused_at_no_cost(self, poll, room, what):
        joined(room)
        token = HOSTILE[what](room)
        with counted_round_trips() as trips:
            answer = poll(room, token)
        assert code_of(answer) == (403, "queue_token_invalid")
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert (trips.redis, trips.sql) == ([], [])

    def test_an_empty_token_is_none(self, poll, room):
        assert code_of(poll(room, "")) == (401, "not_authenticated")

    def test_the_token_alone_joins_and_leaves_nothing(self, send, poll, room):
        headers = {"X-Queue-Token": joined(room)}
        for method, url in (("POST", queue_url(room)), ("DELETE", place_url(room))):
            assert code_of(send(method, url, headers)) == (401, "not_authenticated")
        assert json_of(poll(room, headers["X-Queue-Token"]))["state"] == "ADMITTED"

    def test_an_unknown_performance_is_one_that_the_token_is_not_of(self, send, room):
        url = f"/api/v1/performances/{uuid7()}/queue/me/"
        answer = send("GET", url, {"X-Queue-Token": joined(room)})
        assert code_of(answer) == (403, "queue_token_invalid")

    @pytest.mark.control
    def test_control_without_the_performance_in_the_token_another_room_would_do(
        self, send, room, monkeypatch
    ):
        """The poll verifies the token again, so both have to look away."""
        verify, other = tokens.verify_alone, make_room()
        monkeypatch.setattr(
            tokens,
            "verify_alone",
            lambda token, *, performance_id, now: verify(token, performance_id=other.pk, now=now),
        )
        answer = send("GET", place_url(room), {"X-Queue-Token": joined(other)})
        assert answer.status_code == 200


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 10_000), other=st.characters(min_codepoint=33, max_codepoint=126))
def test_no_altered_token_is_taken(db_ready, place, other):
    performance_id, now = uuid7(), clock.now()
    token = tokens.sign_token(
        user_id=uuid7(), performance_id=performance_id, number=7, epoch=1, joined_ms=5, now=now
    )
    assert tokens.verify_alone(token, performance_id=performance_id, now=now).number == 7
    place %= len(token)
    altered = token[:place] + other + token[place + 1 :]
    if altered != token:
        with pytest.raises(QueueTokenInvalid):
            tokens.verify_alone(altered, performance_id=performance_id, now=now)


class TestLimits:
    def test_the_users_limit_counts_polls_with_a_login_and_without(self, poll, room, fan, settings):
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"poll": "2/minute"}
        token = joined(room, fan.pk)
        statuses = [
            poll(room, token, **more).status_code
            for more in ({}, {"Authorization": bearer(fan)}, {})
        ]
        assert statuses == [200, 200, 429]
        assert poll(room, joined(room)).status_code == 200  # another user's

    @pytest.mark.control
    def test_control_not_counted_by_its_user_it_would_never_be_refused(
        self, poll, room, settings, monkeypatch
    ):
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"poll": "1/minute"}
        monkeypatch.setattr("queueing.api.views.MyPlaceView.throttle_classes", ())
        token = joined(room)
        assert {poll(room, token).status_code for _ in range(5)} == {200}

    def test_429_says_how_long(self, poll, room, settings):
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"poll": "1/minute"}
        token = joined(room)
        poll(room, token)
        answer = poll(room, token)
        assert code_of(answer) == (429, "rate_limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert answer.headers["RateLimit"].startswith('"poll";r=0;')
        assert answer.headers["Cache-Control"] == "private, no-store"


class TestLimitsOfTheClientIp:
    @pytest.fixture(autouse=True)
    def _six(self, settings, db_ready, nothing_counted):
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"anonymous": "6/hour"}

    def send(self, room, token, *, ip="10.8.0.1"):
        return Caller(None).send(
            "GET", place_url(room), headers={"X-Queue-Token": token}, REMOTE_ADDR=ip
        )

    def test_a_good_token_is_given_back_to_it(self, room):
        token = joined(room)
        assert {self.send(room, token).status_code for _ in range(20)} == {200}

    def test_a_bad_one_counts_for_three(self, room):
        statuses = [self.send(room, "made.up.token").status_code for _ in range(3)]
        assert statuses == [403, 403, 429]

    def test_so_does_a_pass_alone(self, room):
        shown = admission_pass(room)
        assert [self.send(room, shown).status_code for _ in range(3)] == [401, 401, 429]

    def test_one_that_is_spent_shuts_nobody_out_who_shows_a_good_token(self, room, settings):
        while self.send(room, "made.up.token").status_code != 429:
            pass
        assert self.send(room, joined(room)).status_code == 200
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"default": "1/hour"}
        token = joined(room)
        assert [self.send(room, token).status_code for _ in range(2)] == [200, 429]
        elsewhere = Caller(None).send(
            "GET", queue_url(room), headers={"X-Queue-Token": token}, REMOTE_ADDR="10.8.0.1"
        )
        assert elsewhere.status_code == 429

    @pytest.mark.control
    def test_control_looking_for_logins_only_it_would(self, room, monkeypatch):
        monkeypatch.setattr("config.wsgi.poller_in", lambda _: None)
        while self.send(room, "made.up.token").status_code != 429:
            pass
        assert self.send(room, joined(room)).status_code == 429
