"""GET .../queue/me/ by the join token alone (Note [Token alone] in queueing/README.md)."""

import logging
from datetime import timedelta

import pytest

from accounts import revocation
from kernel import clock
from kernel.ids import uuid7
from kernel.telemetry import access_log
from queueing import admission, tokens
from queueing.api.authentication import JoinTokenAuthentication
from queueing.errors import QueueTokenInvalid
from tests.support.factories import make_user
from tests.support.hostile import code_of, json_of
from tests.support.round_trips import counted_round_trips
from tests.support.waiting_rooms import Room, admission_pass, join, joined, make_room, queue_url
from tests.support.wsgi import bearer


@pytest.fixture
def room(db_ready):
    return make_room(capacity=1)


class TestTheTokenIsProofEnough:
    def test_the_place_is_that_of_the_join(self, poll, room):
        joined(room)
        _, place = join(room)
        answer = poll(room, place.token)
        assert answer.status_code == 200
        document = {**place.as_json(), "poll_after_seconds": 0}
        assert {**json_of(answer), "poll_after_seconds": 0} == document

    def test_it_is_private_and_says_how_far_the_users_limit_is(self, poll, room):
        answer = poll(room, joined(room))
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["RateLimit-Policy"].startswith('"poll";q=')
        assert answer.headers["X-Request-ID"]

    def test_it_costs_one_redis_call_and_no_sql(self, poll, room):
        for token in (joined(room), joined(room)):  # the admitted fan, then one who waits
            with counted_round_trips() as trips:
                assert poll(room, token).status_code == 200
            assert (trips.redis, trips.sql) == (["FCALL frontrow_queue_v1_poll_many"], [])

    @pytest.mark.parametrize("login", [False, True], ids=["alone", "beside a login"])
    def test_it_is_verified_once(self, poll, room, fan, monkeypatch, login):
        read: list[str] = []
        token, verify = joined(room, fan.pk), tokens._read
        monkeypatch.setattr(tokens, "_read", lambda *args: read.append(args[0]) or verify(*args))
        headers = {"Authorization": bearer(fan)} if login else {}
        assert poll(room, token, **headers).status_code == 200
        assert read == [token]

    def test_a_head_is_answered_too(self, poll, room):
        answer = poll(room, joined(room), "HEAD")
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "private, no-store"

    def test_the_users_own_login_beside_it_is_as_good(self, poll, room, fan):
        token = joined(room, fan.pk)
        assert poll(room, token, Authorization=bearer(fan)).status_code == 200

    def test_the_first_admitted_answer_starts_the_session_and_carries_the_pass(self, poll):
        room = Room.open(now=clock.now(), capacity=1, grace_seconds=30)
        inside, _ = room.join()
        fan, place = room.join()
        room.leave(inside)
        answer = json_of(poll(room.performance, place.token))
        assert answer["state"] == "ADMITTED"
        assert answer["pass"]
        assert room.later(60).poll(fan).state.value == "ADMITTED"  # the grace alone would be over

    def test_the_access_line_has_the_users_id(self, poll, room, caplog, settings):
        settings.LOG_FORMAT = "console"
        caplog.set_level(logging.INFO, logger="frontrow.access")
        user_id, place = join(room)
        poll(room, place.token)
        access_log.flush()
        [line] = [record for record in caplog.records if record.name == "frontrow.access"]
        assert (line.user_id, line.status) == (str(user_id), 200)

    @pytest.mark.parametrize("why", ["logged out", "locked", "gone"])
    def test_it_outlives_the_users_logins(self, poll, room, why):
        user = make_user()
        token = joined(room, user.pk)
        if why == "logged out":
            session_id = str(uuid7())
            revocation.revoke([session_id])
            ended = poll(room, token, Authorization=bearer(user, session_id=session_id))
            assert code_of(ended) == (401, "token_invalid")
        elif why == "locked":
            type(user).objects.filter(pk=user.pk).update(is_active=False)
        else:
            user.delete()
        assert poll(room, token).status_code == 200


class TestThePassCountsOnlyWithItsUsersLogin:
    def test_alone_it_asks_for_the_login(self, poll, room, fan):
        shown = admission_pass(room, fan.pk)
        answer = poll(room, shown)
        assert code_of(answer) == (401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert poll(room, shown, Authorization=bearer(fan)).status_code == 200
        other = poll(room, shown, Authorization=bearer(make_user()))
        assert code_of(other) == (403, "queue_token_invalid")

    @pytest.mark.control
    def test_control_taken_for_a_join_token_the_pass_would_be_enough(self, poll, room, monkeypatch):
        shown, verify = admission_pass(room), tokens.verify_alone
        monkeypatch.setattr(
            tokens,
            "verify_alone",
            lambda *args, **options: verify(*args, **options)._replace(
                audience=tokens.Audience.TOKEN
            ),
        )
        assert poll(room, shown).status_code == 200

    def test_a_pass_that_was_given_to_the_token_alone_admits_only_its_user(self, poll, room):
        user_id, place = join(room)
        shown = json_of(poll(room, place.token))["pass"]
        terms = {"token": shown, "performance_id": room.pk, "now": clock.now()}
        assert admission.check(user_id=user_id, **terms).number == place.number
        with pytest.raises(QueueTokenInvalid):
            admission.check(user_id=uuid7(), **terms)

    def test_it_opens_no_hold_without_a_login(self, send, room):
        _, place = join(room)
        headers = {"X-Queue-Token": place.admission_pass}
        assert send("POST", "/api/v1/reservations/", headers).status_code == 401


class TestALoginThatIsSentIsVerified:
    @pytest.mark.parametrize("shown", ["Bearer a.b.c", "Bearer ", "Basic YTpi", "x", ""])
    def test_a_bad_one_is_refused_beside_a_good_token(self, poll, room, shown):
        answer = poll(room, joined(room), Authorization=shown)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_so_is_one_that_has_expired(self, poll, room, fan):
        late = bearer(fan, now=clock.now() - timedelta(hours=1))
        answer = poll(room, joined(room, fan.pk), Authorization=late)
        assert code_of(answer) == (401, "token_expired")

    def test_so_is_another_users(self, poll, room, fan):
        answer = poll(room, joined(room), Authorization=bearer(fan))
        assert code_of(answer) == (403, "queue_token_invalid")

    @pytest.mark.control
    def test_control_looked_at_beside_any_login_the_token_would_be_enough(
        self, poll, room, monkeypatch
    ):
        monkeypatch.setattr(
            JoinTokenAuthentication, "is_shown_in", lambda shown: "HTTP_X_QUEUE_TOKEN" in shown
        )
        assert poll(room, joined(room), Authorization="Basic YTpi").status_code == 200


def test_the_public_status_stays_everybodys_with_a_token_beside_it(send, room):
    answer = send("GET", queue_url(room), {"X-Queue-Token": joined(room)})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=1")
