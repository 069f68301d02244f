"""What an audit looks at, and what it finds, as frozen values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections

from kernel import clock
from proof import policy

CAUSE = "audit"  # the first word of the causes for which audits halt sales


@dataclass(frozen=True, slots=True)
class AuditScope:
    """What an audit looks at: all of it, one performance, or what was made `since`.

    `settling` replaces every settling time (Note [Settling time] in policy.py).
    """

    performance_id: UUID | None = None
    since: datetime | None = None
    settling: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """What a check found that may not be: `subject` is `<kind>:<id>`."""

    check: str
    subject: str
    detail: str
    performance_id: UUID | None = None

    @property
    def cause(self) -> str:
        """Name it the same whenever it is found again, for halts."""
        return f"{CAUSE} {self.check} {self.subject}"

    def as_json(self) -> dict[str, Any]:
        """Return what people and programs see of it."""
        performance = self.performance_id
        return {
            "subject": self.subject,
            "detail": self.detail,
            "performance_id": str(performance) if performance else None,
        }


@dataclass(frozen=True, slots=True)
class AuditBatch:
    """The rows that one call of a check looks at, by their keys, as one snapshot shows them.

    `now` is no earlier than anything that the snapshot shows; `using` names the database.
    """

    check: str
    keys: Sequence[UUID]
    now: datetime
    using: str
    scope: AuditScope

    def settled_before(self, settles: timedelta) -> datetime:
        """Return the moment before which a difference has had its time to settle."""
        return self.now - (settles if self.scope.settling is None else self.scope.settling)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return what a statement reads; it has `keys`, `now` and `limit` besides `values`."""
        given: dict[str, Any] = {
            "keys": list(self.keys),
            "now": self.now,
            "limit": policy.EXAMPLES,
            **values,
        }
        with connections[self.using].cursor() as cursor:
            cursor.execute(statement, given)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def violations(self, kind: str, statement: str, **values: Any) -> list[Violation]:
        """Return the rows (id, performance id, detail) of a statement as violations."""
        return [
            self.violation(kind, key, detail, performance_id)
            for key, performance_id, detail in self.rows(statement, **values)
        ]

    def violation(
        self, kind: str, key: object, detail: str, performance_id: UUID | None = None
    ) -> Violation:
        """Return one violation of this check."""
        return Violation(self.check, f"{kind}:{key}", detail, performance_id)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check looked at: how many keys, and what it found.

    `failure` says why it could not look, or not to the end.
    """

    check: str
    looked_at: int
    violations: tuple[Violation, ...] = ()
    failure: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what people and programs see of it."""
        return {
            "check": self.check,
            "looked_at": self.looked_at,
            "violations": [one.as_json() for one in self.violations],
            "failure": self.failure or None,
        }


@dataclass(frozen=True, slots=True)
class AuditReport:
    """One audit: when its snapshot was taken, on which database, and what each check found."""

    as_of: datetime
    source: str
    results: tuple[CheckResult, ...]

    @property
    def violations(self) -> list[Violation]:
        """All that was found."""
        return [one for result in self.results for one in result.violations]

    @property
    def failures(self) -> list[CheckResult]:
        """The checks that could not look."""
        return [result for result in self.results if result.failure]

    @property
    def outcome(self) -> str:
        """Return `violated`, `incomplete` (nothing found, but not all could be seen) or `clean`."""
        if self.violations:
            return "violated"
        return "incomplete" if self.failures else "clean"

    def as_json(self) -> dict[str, Any]:
        """Return the report as `manage.py audit --json` prints it."""
        return {
            "as_of": clock.as_text(self.as_of),
            "source": self.source,
            "outcome": self.outcome,
            "checks": [result.as_json() for result in self.results],
        }
