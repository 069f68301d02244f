"""Fans' joins and polls as calls of the queue server, and of PostgreSQL for an invitation.

Note [Invitations and the limit]
The function that gives the place counts the join, but an invitation has to be redeemed before that.
So joins that bring one are counted by this process too, before they meet PostgreSQL, by the same
limit: n processes let n times the limit reach the rows. A code that this person has used, or that
is used up, is answered without the row's lock, so nobody who tries again holds up the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from redis.exceptions import ResponseError

from kernel.db.transaction import transaction
from kernel.outcomes import Outcome, outcomes_of
from kernel.rate_limiting import gcra, in_redis
from kernel.rate_limiting.headers import RateLimitStatus
from kernel.rate_limiting.rates import rate_of
from queueing import abuse, operations, tokens
from queueing.errors import QueueTokenExpired, QueueTokenInvalid, QueueTokenRequired
from queueing.fan_requests import JoinRequest, PollRequest
from queueing.lost_places import call_with_fates
from queueing.queue_server import FanCall, JoinTerms, queue_server
from queueing.recovery import call_many_with_recovery
from queueing.replies import Reply, Status

_NOT_ENTERED = frozenset({Status.COLD, Status.SUPERSEDED})  # the room, so nothing was counted
_tried = gcra.Gcra(most=20_000)

Calls = Sequence[Outcome[FanCall]]  # an error: of a fan who is not to reach the server
Received = Sequence[Reply] | None  # to the first call, where it was sent already


def join_call(request: JoinRequest, *, performance_id: UUID, now: datetime) -> FanCall:
    """Return the fan's part in a batch of joins, its invitation redeemed.

    Raises InvitationInvalid, InvitationUsedUp, RateLimited.
    """
    applicant, user_id = request.applicant, request.user_id
    client_ip, is_staff, invitation_code, challenge_response = applicant
    proof, work_bits = None, 0
    if request.token:
        proof = _proof_of_lost_place(request.token, user_id, performance_id, now)
    if invitation_code is not None:
        _redeem_invitation(
            invitation_code,
            user_id=user_id,
            performance_id=performance_id,
            now=now,
            limit_status=request.limit_status,
        )
    if challenge_response:
        work_bits = abuse.bits_shown(
            challenge_response, performance_id=performance_id, user_id=user_id, now=now
        )
    terms = JoinTerms(
        invited=is_staff or invitation_code is not None, work_bits=work_bits, client_ip=client_ip
    )
    return FanCall(user_id, proof, terms, limit_status=request.limit_status)


def poll_call(request: PollRequest, *, performance_id: UUID, now: datetime) -> FanCall:
    """Return the fan's part in a batch of polls; raises QueueTokenRequired, QueueTokenInvalid."""
    token, user_id, proof = request.token, request.user_id, request.proof
    if proof and (proof.user_id, proof.performance_id) == (user_id, performance_id):
        return FanCall(user_id, proof)  # the caller was known by it
    if not token:
        raise QueueTokenRequired
    try:
        proof = tokens.verify(token, user_id=user_id, performance_id=performance_id, now=now)
    except QueueTokenExpired:
        proof = None  # proves no lost place any more, but the login still says who polls
    return FanCall(user_id, proof)


def send_joins(
    calls: Calls, *, performance_id: UUID, now_ms: int, received: Received = None
) -> list[Outcome[Reply]]:
    """Return each fan's reply or error, such as RateLimited or what ended the recovery.

    `received`: what the server has replied to the first call, where that was sent already.
    """
    call = partial(queue_server.join_many, performance_id=performance_id, now_ms=now_ms)
    return _send(calls, _after(received, call), performance_id=performance_id, now_ms=now_ms)


def send_polls(
    calls: Calls, *, performance_id: UUID, now_ms: int, received: Received = None
) -> list[Outcome[Reply]]:
    """Return each fan's reply or error, such as what ended the recovery; `received` as above."""
    call = partial(queue_server.poll_many, performance_id=performance_id, now_ms=now_ms)
    return _send(calls, _after(received, call), performance_id=performance_id, now_ms=now_ms)


def vouched_call(
    request: JoinRequest, fan: FanCall, reply: Reply, *, performance_id: UUID, now: datetime
) -> FanCall:
    """Return the part of a fan for whom the challenge service vouches, to be sent again.

    Raises ChallengeRequired, ChallengeFailed.
    """
    whose: dict[str, Any] = {
        "performance_id": performance_id,
        "user_id": request.user_id,
        "now": now,
    }
    challenge = abuse.challenge_of(reply.check, bits=reply.work_bits, **whose)
    applicant = request.applicant
    abuse.verify_response(challenge, applicant.challenge_response, client_ip=applicant.client_ip)
    return replace(fan, terms=fan.terms._replace(vouched=True))


def sendable(calls: Calls) -> list[FanCall]:
    """Return the parts of those who are to reach the server."""
    return [fan for fan in calls if isinstance(fan, FanCall)]


def _after(received: Received, call: Callable[..., list[Reply]]) -> Callable[..., list[Reply]]:
    """Return `call`, which takes what was `received` for its first reply."""
    if received is None:
        return call
    first = [received]

    def take_or_call(*, fans: Sequence[FanCall]) -> list[Reply]:
        return list(first.pop()) if first else call(fans=fans)

    return take_or_call


def _send(
    calls: Calls,
    call: Callable[..., list[Reply]],
    *,
    performance_id: UUID,
    now_ms: int,
) -> list[Outcome[Reply]]:
    def heard(fans: Sequence[FanCall]) -> list[Outcome[Reply]]:
        return outcomes_of(_heard, zip(fans, call(fans=fans), strict=True))

    outcomes = iter(
        call_many_with_recovery(
            performance_id=performance_id,
            now_ms=now_ms,
            requests=sendable(calls),
            call=lambda fans: call_with_fates(fans, heard),
        )
    )
    return [next(outcomes) if isinstance(fan, FanCall) else fan for fan in calls]


def _heard(replied: tuple[FanCall, Reply]) -> Reply:
    """Return the reply once its limit has been noticed; raises the error that it is instead."""
    fan, reply = replied
    if reply.limit:
        in_redis.check_limit(fan.limit_status, reply.limit)
    if reply.status is Status.FAILED:
        raise ResponseError(reply.failure)
    fan.counted = reply.status not in _NOT_ENTERED
    return reply


def _redeem_invitation(
    code: str,
    *,
    user_id: UUID,
    performance_id: UUID,
    now: datetime,
    limit_status: RateLimitStatus | None,
) -> None:
    """Count a use of the invitation; once a person, so a join that fails later loses nothing.

    See Note [Invitations and the limit]. Raises InvitationInvalid, InvitationUsedUp, RateLimited.
    """
    invitation_id = tokens.read_invitation(code, performance_id=performance_id, now=now)
    rate = rate_of("join")
    tried = _tried.count((performance_id, user_id), rate, now=now.timestamp())
    if tried.is_refused:
        in_redis.check_limit(
            limit_status, ("join", rate.amount, rate.period_seconds * 1000, 0, tried.reset, 1)
        )
    with transaction():
        operations.redeem_invitation(
            invitation_id=invitation_id, performance_id=performance_id, user_id=user_id, now=now
        )


def _proof_of_lost_place(
    token: str, user_id: UUID, performance_id: UUID, now: datetime
) -> tokens.Proof | None:
    """Return what a join's token proves; an old or foreign one is no reason to refuse a place."""
    try:
        return tokens.verify(token, user_id=user_id, performance_id=performance_id, now=now)
    except QueueTokenInvalid:
        return None
