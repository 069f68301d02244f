"""Staff and the invited: admitted at once, counted, and no more of them than was meant."""

import json
from contextlib import suppress
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry
from concerts.errors import PerformanceNotFound
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from kernel.rate_limiting import gcra
from kernel.rate_limiting.headers import RateLimitStatus
from kernel.rate_limiting.in_redis import RateLimited
from kernel.signing.jwt import sign_jwt
from queueing import join_request, locking, operations, policy, tokens
from queueing.errors import InvitationInvalid, InvitationUsedUp, QueueNotOpen, QueuePaused
from queueing.models import Invitation, InvitationUse
from queueing.replies import PlaceState
from queueing.usecases import invitations, waiting_room
from tests.support.concurrency import all_at_once
from tests.support.factories import make_user
from tests.support.interleaving import in_another_session
from tests.support.round_trips import counted_round_trips
from tests.support.waiting_rooms import Room, queue_url

WAITING, ADMITTED = PlaceState.WAITING, PlaceState.ADMITTED


def issued(room: Room, **terms) -> invitations.Issued:
    [one] = room.issue_invitations(**terms)
    return one


@pytest.fixture
def room(db_ready):
    return Room.open(capacity=1)


def test_an_invited_fan_is_admitted_at_once_and_counts_as_active(room):
    inside, _ = room.join()
    [waiting] = room.join_many(1)
    _, place = room.join(invitation_code=issued(room).code)
    assert place.state is ADMITTED
    assert place.admission_pass
    room.finish(inside)
    room.later(10)
    assert room.poll(waiting).state is WAITING  # the invited fan has the one place


def test_one_who_waits_already_is_let_in_with_the_number_kept(room):
    room.join()
    [waiting] = room.join_many(1)
    number = room.poll(waiting).number
    _, place = room.join(waiting, invitation_code=issued(room).code)
    assert (place.state, place.number, place.created) == (ADMITTED, number, False)


def test_a_code_lets_in_so_many_and_the_same_person_is_one(room):
    code = issued(room, uses_allowed=2).code
    first, _ = room.join(invitation_code=code)
    room.join(invitation_code=code)
    assert room.join(first, invitation_code=code)[1].created is False
    with pytest.raises(InvitationUsedUp):
        room.join(invitation_code=code)
    assert Invitation.objects.get().uses == InvitationUse.objects.count() == 2


def test_a_crowd_with_one_code_at_once(room):
    code = issued(room, uses_allowed=3).code
    room.join()  # the room is known

    def attempt(_n) -> str:
        try:
            room.join(invitation_code=code)
        except InvitationUsedUp:
            return "used up"
        return "in"

    outcomes = all_at_once(attempt, range(12))
    assert sorted(outcomes) == ["in"] * 3 + ["used up"] * 9


@pytest.mark.parametrize("again_by", ["the same", "another"])
def test_a_code_that_can_be_used_no_more_waits_for_no_lock(room, again_by):
    code = issued(room).code
    first, _ = room.join(invitation_code=code)
    user = first if again_by == "the same" else uuid7()

    def again() -> bool:
        try:
            return room.join(user, invitation_code=code)[1].created
        except InvitationUsedUp:
            return True

    with transaction():
        locking.lock_invitation(Invitation.objects.get().pk)
        outcome = in_another_session(again)
    assert outcome == (again_by == "another")


@pytest.mark.parametrize("state", ["OPEN", "PAUSED"])
def test_joins_that_come_too_often_ask_nothing_of_postgresql(settings, state):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"join": "3/minute"}
    closed = Room.open(state=state)
    code, user, limit_status = issued(closed, uses_allowed=5).code, uuid7(), RateLimitStatus()

    def join():
        with suppress(QueuePaused):
            waiting_room.join(
                user_id=user,
                performance_id=closed.performance.pk,
                token=None,
                now=closed.now,
                applicant=waiting_room.Applicant(invitation_code=code),
                limit_status=limit_status,
            )

    for _ in range(3):
        join()
    with counted_round_trips() as trips, pytest.raises(RateLimited) as refusal:
        join()
    assert (trips.sql, trips.redis) == ([], [])
    assert refusal.value.retry_after in range(1, 61)
    assert limit_status.fields is not None
    assert limit_status.fields[0] == '"join";q=3;w=60'
    closed.later(61)
    join()
    assert Invitation.objects.get().uses == 1


@pytest.mark.control
def test_control_uncounted_every_such_join_asks_postgresql(settings, monkeypatch):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"join": "3/minute"}
    monkeypatch.setattr(join_request._tried, "count", lambda *_, **__: gcra.GcraResult(1, 1, False))
    room = Room.open()
    code, user = issued(room).code, uuid7()
    for _ in range(3):
        room.join(user, invitation_code=code)
    with counted_round_trips() as trips, pytest.raises(RateLimited):
        room.join(user, invitation_code=code)
    assert trips.sql != []


def test_serving_stays_so_that_nobody_else_passes_by_the_number(room):
    room.join()
    room.join_many(5)
    room.join(invitation_code=issued(room).code)
    waiting_room._public.clear()
    status = waiting_room.public_status(performance_id=room.performance.pk, now=room.now)
    assert (status.serving, status.active) == (1, 2)


def test_an_invitation_opens_no_closed_door():
    now_closed = Room.open(state="PAUSED")
    with pytest.raises(QueuePaused):
        now_closed.join(invitation_code=issued(now_closed).code)
    early = Room.open(admission_opens_at=None)
    early.set_config(admission_opens_at=early.now + timedelta(hours=1))
    code = issued(early).code
    user = uuid7()
    with pytest.raises(QueueNotOpen):
        early.join(user, invitation_code=code)
    early.later(3601)
    assert early.join(user, invitation_code=code)[1].state is ADMITTED


def test_draining_rooms_let_the_invited_in():
    room = Room.open(state="DRAINING")
    assert room.join(invitation_code=issued(room).code)[1].state is ADMITTED


def other_room(room):
    return issued(Room.open()).code


def expired(room):
    code = issued(room, expires_at=room.now + timedelta(days=0.001)).code
    room.later(3600)
    return code


def revoked(room):
    one = issued(room)
    invitations.revoke(
        invitation_ids=[one.invitation_id], actor_id=None, reason="mistake", now=room.now
    )
    return one.code


def unknown(room):
    return tokens.sign_invitation(
        invitation_id=uuid7(),
        performance_id=room.performance.pk,
        expires_at=room.now + timedelta(days=1),
    )


def forged(room):
    head, body, signature = issued(room).code.split(".")
    return f"{head}.{body}.{signature[::-1]}"


def join_token(room):
    return room.join()[1].token


def other_use(room):
    claims = {
        "aud": tokens.Audience.INVITATION.value,
        "jti": str(issued(room).invitation_id),
        "performance": str(room.performance.pk),
        "exp": int(room.now.timestamp()) + 3600,
    }
    return sign_jwt("ticket", claims)


def nonsense(room):
    return "a.b.c"


@pytest.mark.parametrize(
    "code", [other_room, expired, revoked, unknown, forged, join_token, other_use, nonsense]
)
def test_bad_codes_are_refused(room, code):
    with pytest.raises(InvitationInvalid):
        room.join(invitation_code=code(room))


def test_an_invitation_of_another_room_is_none_whatever_its_code_says():
    one, other = Room.open(), Room.open()
    [invitation] = one.issue_invitations()
    with transaction(), pytest.raises(InvitationInvalid):
        operations.redeem_invitation(
            invitation_id=invitation.invitation_id,
            performance_id=other.performance.pk,
            user_id=uuid7(),
            now=one.now,
        )


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        ({"count": 0}, "count"),
        ({"count": policy.INVITATIONS_AT_ONCE + 1}, "count"),
        ({"uses_allowed": 0}, "uses_allowed"),
        ({"uses_allowed": policy.INVITATION_USES + 1}, "uses_allowed"),
        ({"expires_at": "now"}, "expires_at"),
    ],
)
def test_invitations_beyond_their_bounds_are_refused(terms, problem):
    room = Room.open()
    with pytest.raises(invitations.InvitationTermsInvalid) as refusal:
        room.issue_invitations(
            **{key: room.now if at == "now" else at for key, at in terms.items()}
        )
    assert refusal.value.extras == {"problem": problem}


@pytest.mark.parametrize(
    "terms", [{"count": policy.INVITATIONS_AT_ONCE}, {"uses_allowed": policy.INVITATION_USES}]
)
def test_as_many_invitations_as_the_bounds_allow_are_made(terms):
    assert Room.open().issue_invitations(**terms)


def test_a_performance_that_is_gone_has_no_invitations():
    room = Room.open()
    type(room.performance).objects.update(deleted_at=room.now)
    with pytest.raises(PerformanceNotFound):
        room.issue_invitations()


def test_an_invitation_is_no_queue_token(room, as_fan):
    code = issued(room).code
    client = as_fan(make_user())
    answer = client.get(f"{queue_url(room.performance)}me/", headers={"X-Queue-Token": code})
    assert (answer.status_code, answer.json()["code"]) == (403, "queue_token_invalid")


def test_over_http(room, as_fan):
    room.join()
    code = issued(room).code
    url = queue_url(room.performance)
    answer = as_fan(make_user()).post(url, {"invitation_code": code})
    assert (answer.status_code, answer.json()["state"]) == (201, "ADMITTED")
    for body, status, error in (
        ({"invitation_code": code}, 409, "invitation_used_up"),
        ({"invitation_code": "x"}, 400, "invitation_invalid"),
    ):
        answer = as_fan(make_user()).post(url, body)
        assert (answer.status_code, answer.json()["code"]) == (status, error)


def test_staff_are_admitted_at_once(room, as_fan):
    room.join()
    staff = make_user(is_staff=True)
    assert as_fan(staff).post(queue_url(room.performance)).json()["state"] == "ADMITTED"


def test_the_command_issues_and_the_audit_knows(room):
    out = StringIO()
    call_command(
        *("invitations", "issue", str(room.performance.pk), "--count", "3", "--json"), stdout=out
    )
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len({line["code"] for line in lines}) == 3
    assert room.join(invitation_code=lines[0]["code"])[1].state is ADMITTED
    assert AuditEntry.objects.filter(action="queueing.issue_invitations").count() == 1
    with pytest.raises(CommandError):
        call_command("invitations", "issue", str(room.performance.pk), "--count", "0")
    with pytest.raises(CommandError):
        call_command("invitations", "issue", str(uuid7()))
