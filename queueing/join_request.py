"""A fan's join and poll as calls of the queue server, and of PostgreSQL for an invitation.

Note [Invitations and the limit]
The function that gives the place counts the join, but an invitation has to be redeemed before that.
So joins that bring one are counted by this process too, before they meet PostgreSQL, by the same
limit: n processes let n times the limit reach the rows. A code that this person has used, or that
is used up, is answered without the row's lock, so nobody who tries again holds up the others.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kernel.db.transaction import transaction
from kernel.rate_limiting import gcra, in_redis
from kernel.rate_limiting.headers import RateLimitStatus
from kernel.rate_limiting.rates import rate_of
from queueing import operations, tokens
from queueing.lost_places import call_with_fate
from queueing.queue_server import Fate, JoinTerms, queue_server
from queueing.recovery import call_with_recovery
from queueing.replies import Reply, Status

_NOT_ENTERED = frozenset({Status.COLD, Status.SUPERSEDED})  # the room, so nothing was counted
_tried = gcra.Gcra(most=20_000)


@dataclass(slots=True)
class JoinRequest:
    """One caller's join, which may take several calls of the server; it counts once."""

    user_id: UUID
    performance_id: UUID
    proof: tokens.Proof | None
    now_ms: int
    limit_status: RateLimitStatus | None = None
    counted: bool = False

    def send(self, terms: JoinTerms) -> Reply:
        """Join on these terms; raises RateLimited and what `call_with_recovery` raises."""
        return call_with_recovery(
            performance_id=self.performance_id,
            now_ms=self.now_ms,
            call=lambda: call_with_fate(self.proof, lambda fate: self._send(terms, fate)),
        )

    def _send(self, terms: JoinTerms, fate: Fate) -> Reply:
        reply = queue_server.join(
            performance_id=self.performance_id,
            user_id=self.user_id,
            proof=self.proof,
            now_ms=self.now_ms,
            fate=fate,
            terms=terms,
            limit_status=self.limit_status,
            counted=self.counted,
        )
        self.counted = reply.status not in _NOT_ENTERED
        return reply


def poll(*, user_id: UUID, performance_id: UUID, proof: tokens.Proof | None, now_ms: int) -> Reply:
    """Return the server's reply about the caller's place; raises what `call_with_recovery` does."""

    def call(fate: Fate) -> Reply:
        return queue_server.poll(
            performance_id=performance_id, user_id=user_id, proof=proof, now_ms=now_ms, fate=fate
        )

    return call_with_recovery(
        performance_id=performance_id, now_ms=now_ms, call=lambda: call_with_fate(proof, call)
    )


def redeem_invitation(
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
