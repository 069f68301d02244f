"""The reads of refused scans (Note [Refused scans] in operations.py), from the primary."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from tickets import policy
from tickets.models import RefusedScan, UnlistedScans


@dataclass(frozen=True, slots=True)
class RefusedScans:
    """The newest refused scans; how many have a row, and how many more have none."""

    rows: list[RefusedScan]
    kept: int
    unlisted: int


@dataclass(slots=True)
class RefusedRoom:
    """Where there is room for refused scans of a performance.

    `alike` counts rows by gate and ticket, None for a code that no ticket has; `known` are the ids
    of scans that have a row already, `again` how many of those came again.
    """

    alike: Counter[tuple[str, UUID | None]]
    known: frozenset[str]
    again: int = 0

    def takes(self, scan: RefusedScan) -> bool:
        """Say whether a scan gets a row, and count it."""
        if scan.scan_id in self.known:
            self.again += 1
            return False
        place = (scan.gate, scan.ticket_id)
        most = policy.REFUSED_OF_ONE_TICKET if scan.ticket_id else policy.REFUSED_OF_UNKNOWN_CODES
        if self.alike[place] >= most or self.alike.total() >= policy.REFUSED_AT_PERFORMANCE:
            return False
        self.alike[place] += 1
        return True


def refused_scans(*, performance_id: UUID, limit: int) -> RefusedScans:
    """Return the scans of a performance that were refused once they were sent, newest first."""
    rows = RefusedScan.objects.filter(performance=performance_id)
    shown = rows.select_related("ticket__seat__section").order_by("-scanned_at", "-pk")[:limit]
    unlisted = UnlistedScans.objects.filter(performance=performance_id)
    return RefusedScans(
        rows=list(shown),
        kept=rows.count(),
        unlisted=unlisted.values_list("scans", flat=True).first() or 0,
    )


def room_for_refused(*, performance_id: UUID, scan_ids: Collection[str]) -> RefusedRoom:
    """Return what is kept of a performance's refused scans: two statements."""
    rows = RefusedScan.objects.filter(performance=performance_id)
    alike = rows.values_list("gate", "ticket_id").annotate(rows=Count("pk"))
    return RefusedRoom(
        alike=Counter({(gate, ticket_id): number for gate, ticket_id, number in alike}),
        known=frozenset(rows.filter(scan_id__in=scan_ids).values_list("scan_id", flat=True)),
    )
