"""What one join asks of the queue server, and of PostgreSQL where it brings an invitation.

Note [Invitations and the limit]
A join is counted by the function that gives the place, and an invitation has to be redeemed before
that. So joins that bring one are counted by this process too, before they meet PostgreSQL, by the
same limit: n processes let n times the limit reach the rows. A code that this person has used, or
that is used up, is answered without the row's lock, so nobody who tries again holds up the others.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kernel.db.transaction import transaction
from kernel.rate_limiting import gcra, in_redis
from kernel.rate_limiting.in_redis import Meter
from kernel.rate_limiting.rates import rate_of
from queueing import operations, tokens
from queueing.lost_places import asked_with_fate
from queueing.rebuild import answered, store
from queueing.replies import Reply, Status
from queueing.store import Fate, JoinTerms

_NOT_ENTERED = frozenset({Status.COLD, Status.SUPERSEDED})  # the room, so nothing was counted
_tried = gcra.Pace(most=20_000)


@dataclass(slots=True)
class Asked:
    """One caller's join or poll, which may take several calls; a join counts once."""

    user_id: UUID
    performance_id: UUID
    proof: tokens.Proof | None
    now_ms: int
    meter: Meter | None = None
    counted: bool = False

    def join(self, terms: JoinTerms) -> Reply:
        return answered(
            performance_id=self.performance_id, now_ms=self.now_ms, ask=lambda: self._once(terms)
        )

    def poll(self) -> Reply:
        return answered(
            performance_id=self.performance_id,
            now_ms=self.now_ms,
            ask=lambda: asked_with_fate(
                self.proof,
                lambda fate: store.poll(
                    performance_id=self.performance_id,
                    user_id=self.user_id,
                    proof=self.proof,
                    now_ms=self.now_ms,
                    fate=fate,
                ),
            ),
        )

    def _once(self, terms: JoinTerms) -> Reply:
        return asked_with_fate(self.proof, lambda fate: self._with_fate(terms, fate))

    def _with_fate(self, terms: JoinTerms, fate: Fate) -> Reply:
        reply = store.join(
            performance_id=self.performance_id,
            user_id=self.user_id,
            proof=self.proof,
            now_ms=self.now_ms,
            fate=fate,
            terms=terms,
            meter=self.meter,
            counted=self.counted,
        )
        self.counted = reply.status not in _NOT_ENTERED
        return reply


def redeem(
    code: str, *, user_id: UUID, performance_id: UUID, now: datetime, meter: Meter | None
) -> None:
    """Count a use of the invitation; once a person, so a join that fails later loses nothing.

    See Note [Invitations and the limit]. Raises InvitationInvalid, InvitationUsedUp, RateLimited.
    """
    invitation_id = tokens.read_invitation(code, performance_id=performance_id, now=now)
    rate = rate_of("join")
    tried = _tried.count((performance_id, user_id), rate, now=now.timestamp())
    if tried.is_refused:
        in_redis.note(meter, ("join", rate.amount, rate.period_seconds * 1000, 0, tried.reset, 1))
    with transaction():
        operations.redeem_invitation(
            invitation_id=invitation_id, performance_id=performance_id, user_id=user_id, now=now
        )
