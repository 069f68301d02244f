"""The use cases of invitations: staff issue and withdraw codes that admit ahead of the line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.operations import record_audit
from concerts.errors import PerformanceNotFound
from concerts.models import Performance
from kernel import clock
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.staff import audit
from queueing import policy, tokens
from queueing.models import Invitation


class InvitationTermsInvalid(DomainError):
    """How many, how often or until when makes no sense; `problem` says what."""

    code = "invitation_terms_invalid"
    kind = Kind.INVALID
    message = text(
        en="These invitations can't be issued so.", ko="초대 발급 조건이 올바르지 않습니다."
    )


@dataclass(frozen=True, slots=True)
class Issued:
    """One code and what it is good for."""

    invitation_id: UUID
    code: str
    uses_allowed: int
    expires_at: datetime


def issue(
    *,
    performance_id: UUID,
    label: str,
    count: int,
    uses_allowed: int,
    expires_at: datetime,
    actor_id: UUID | None,
    reason: str,
    now: datetime,
) -> list[Issued]:
    """Make `count` invitations of `uses_allowed` people each; audited.

    Raises PerformanceNotFound, InvitationTermsInvalid.
    """
    if not 1 <= count <= policy.INVITATIONS_AT_ONCE:
        raise InvitationTermsInvalid(problem="count")
    if not 1 <= uses_allowed <= policy.INVITATION_USES:
        raise InvitationTermsInvalid(problem="uses_allowed")
    if expires_at <= now:
        raise InvitationTermsInvalid(problem="expires_at")
    with transaction():
        if not Performance.objects.filter(pk=performance_id, deleted_at__isnull=True).exists():
            raise PerformanceNotFound
        made = Invitation.objects.bulk_create(
            Invitation(
                performance_id=performance_id,
                label=label,
                uses_allowed=uses_allowed,
                expires_at=expires_at,
                created_at=now,
            )
            for _ in range(count)
        )
        record_audit(
            actor_id=actor_id,
            action="queueing.issue_invitations",
            target=audit.target(Performance, performance_id),
            reason=reason,
            changes={
                "label": label,
                "count": count,
                "uses_allowed": uses_allowed,
                "expires_at": clock.as_text(expires_at),
            },
            now=now,
        )
    return [
        Issued(invitation.pk, code_of(invitation), uses_allowed, expires_at) for invitation in made
    ]


def revoke(
    *, invitation_ids: Sequence[UUID], actor_id: UUID | None, reason: str, now: datetime
) -> int:
    """Withdraw invitations; who came by one stays. Return how many were still good."""
    with transaction():
        rows = Invitation.objects.filter(pk__in=invitation_ids, revoked_at__isnull=True)
        found = list(rows)
        rows.update(revoked_at=now)
        for invitation in found:
            record_audit(
                actor_id=actor_id,
                action="queueing.revoke_invitation",
                target=audit.target_of(invitation),
                reason=reason,
                changes={"revoked_at": {"from": None, "to": clock.as_text(now)}},
                now=now,
            )
    return len(found)


def code_of(invitation: Invitation) -> str:
    """Return the code to hand out."""
    return tokens.sign_invitation(
        invitation_id=invitation.pk,
        performance_id=invitation.performance_id,
        expires_at=invitation.expires_at,
    )
