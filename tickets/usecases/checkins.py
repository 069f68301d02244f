"""The use cases of the door: admit by tickets, undo.

Note [Batch of check-ins]
Scans are decided in the order they come in, each by itself, with the same statements for one scan
as for hundreds: lock the tickets by id, read their check-ins and those of the same scan ids, write
what admits. Two gates with one ticket meet at its lock, and the second reads what the first wrote;
a unique constraint stands behind that. A scan that is sent again finds its own check-in, whatever
became of ticket and doors meanwhile. One scan id for two tickets at the same moment is the only
thing that the locks don't order: a constraint refuses it, and the scans of that batch go alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError

from concerts import queries as concert_queries
from concerts.errors import PerformanceNotFound
from concerts.models import Performance
from kernel.db.integrity import violated_constraint
from kernel.db.transaction import transaction
from kernel.errors import DomainError
from kernel.outcomes import result_of
from kernel.staff import audit
from tickets import codes, locking, metrics, operations, policy, queries
from tickets.checkin_models import SCAN_UNIQUE
from tickets.errors import (
    AlreadyAdmitted,
    CheckinNotFound,
    DoorsClosed,
    ScanIdReused,
    ScanUndone,
    TicketNotFound,
    TicketVoid,
    WrongPerformance,
)
from tickets.models import Checkin, RefusedScan, Ticket
from tickets.queries import CheckinResult, checkin_result


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Who scans: a member of staff or an API key, at all performances or at some."""

    user_id: UUID | None = None
    api_key_id: UUID | None = None
    performances: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Scan:
    """One look at a ticket: the code as typed or read, and the scanner's id for the scan."""

    code: str
    gate: str
    scan_id: str
    scanned_at: datetime


Outcome: TypeAlias = CheckinResult | DomainError
# Refusals of a ticket by which a gate without a network may have let somebody in.
_CONFLICTS = (AlreadyAdmitted, WrongPerformance, TicketVoid, DoorsClosed, TicketNotFound)


def admit(*, scan: Scan, performance_id: UUID, by: Doorkeeper, now: datetime) -> CheckinResult:
    """Admit by one ticket, or return the check-in of the same scan again.

    Raises `TicketNotFound`, `WrongPerformance`, `TicketVoid`, `DoorsClosed`, `AlreadyAdmitted`,
    `ScanIdReused`, `ScanUndone`.
    """
    [outcome] = admit_many(scans=[scan], performance_id=performance_id, by=by, now=now)
    return result_of(outcome)


def admit_many(
    *,
    scans: Sequence[Scan],
    performance_id: UUID | None,
    by: Doorkeeper,
    now: datetime,
    made_offline: bool = False,
) -> list[Outcome]:
    """Admit by each scan's ticket, or say why not; see Note [Batch of check-ins].

    `performance_id` is the door's; None: the ticket's own, where the doorkeeper may be. Of scans
    that were made without a network, the refused ones are kept for the supervisor.
    """
    batch = _CheckinBatch(performance_id, by, now, made_offline)
    try:
        outcomes = batch.carry_out(scans)
    except IntegrityError as error:
        if violated_constraint(error) != SCAN_UNIQUE:
            raise
        outcomes = [batch.carry_out_alone(scan) for scan in scans]
    for outcome in outcomes:
        metrics.count_checkin(outcome.code if isinstance(outcome, DomainError) else "admitted")
    return outcomes


def undo(*, checkin_id: UUID, by: Doorkeeper, now: datetime, reason: str = "") -> None:
    """Undo a check-in, so that its ticket admits again; repeatable. Raises `CheckinNotFound`."""
    with transaction():
        found = Checkin.objects.filter(pk=checkin_id).first()
        if found is None or not _may_be_at(by, found.performance_id):
            raise CheckinNotFound
        ticket = locking.lock_ticket(ticket_id=found.ticket_id)
        if not operations.undo_checkin(checkin_id=checkin_id, ticket=ticket, now=now):
            return
        audit.record(
            actor_id=by.user_id,
            action="tickets.undo_checkin",
            target=audit.target_of(found),
            reason=reason,
            changes={
                "undone_at": {"from": None, "to": now},
                "ticket": ticket.code,
                "gate": found.gate,
                "api_key_id": by.api_key_id,
            },
            now=now,
        )
    metrics.count_checkin("undone")


@dataclass(frozen=True, slots=True)
class DoorTimes:
    """When tickets of a performance admit: from the first moment (None: ever) to the last."""

    opens_at: datetime | None
    closes_at: datetime
    kept_until: datetime  # by devices at the door, which then delete what they know of it

    def are_open(self, moment: datetime) -> bool:
        """Say whether a ticket admits at a moment."""
        return (self.opens_at is None or self.opens_at <= moment) and moment <= self.closes_at


def door_times(performance: Performance) -> DoorTimes:
    """Return when tickets of a performance admit, as the site is set."""
    doors, start = performance.doors_open_at, performance.starts_at
    waits = settings.CHECKINS_WAIT_FOR_DOORS
    return DoorTimes(
        opens_at=(doors or start) - policy.BEFORE_DOORS if waits else None,
        closes_at=start + policy.AFTER_START,
        kept_until=start + policy.KEPT_AT_DOORS,
    )


def check_search(performance_id: UUID, *, now: datetime) -> None:
    """Refuse to look tickets up where none admits now: PerformanceNotFound, DoorsClosed.

    A code that is shown is a whole ticket, so doors see those that they let in.
    """
    performance = Performance.objects.filter(pk=performance_id).first()
    if performance is None:
        raise PerformanceNotFound
    if not door_times(performance).are_open(now):
        raise DoorsClosed


def _may_be_at(by: Doorkeeper, performance_id: UUID) -> bool:
    return not by.performances or performance_id in by.performances


@dataclass(frozen=True, slots=True)
class _CheckinBatch:
    """Scans of one doorkeeper that one transaction decides."""

    performance_id: UUID | None
    by: Doorkeeper
    now: datetime
    made_offline: bool

    def carry_out(self, scans: Sequence[Scan]) -> list[Outcome]:
        read = [(scan, codes.code_in(scan.code)) for scan in scans]
        with transaction():
            wanted = {code for _, code in read if code is not None}
            tickets = {row.code: row for row in locking.lock_tickets(codes=wanted)}
            known = queries.known_checkins(
                tickets=tickets.values(), scan_ids={scan.scan_id for scan in scans}
            )
            new: list[Checkin] = []
            outcomes = [
                self._outcome(scan, tickets.get(code or ""), known, new) for scan, code in read
            ]
            operations.write_checkins(checkins=new)
            if self.made_offline:
                operations.forget_refused(checkins=new)
                refused = self._refused(read, outcomes, tickets)
                if refused and self._has_doors():
                    operations.keep_refused(scans=refused, now=self.now)
        return outcomes

    def _has_doors(self) -> bool:
        """Say whether the performance that was named is one: nobody supervises others."""
        here = self.performance_id
        return here is None or concert_queries.is_there(here)

    def _refused(
        self,
        read: Sequence[tuple[Scan, str | None]],
        outcomes: Sequence[Outcome],
        tickets: Mapping[str, Ticket],
    ) -> list[RefusedScan]:
        """Return a row of each scan that somebody may have been let in by, against the rules."""
        rows = []
        for (scan, code), outcome in zip(read, outcomes, strict=True):
            ticket = tickets.get(code or "")
            here = self.performance_id or (ticket and ticket.performance_id)
            if here and _may_be_at(self.by, here) and isinstance(outcome, _CONFLICTS):
                first = outcome.extras
                row = RefusedScan(
                    performance_id=here,
                    ticket=ticket,
                    scan_id=scan.scan_id,
                    gate=scan.gate,
                    outcome=outcome.code,
                    scanned_at=self._judged_at(scan),
                    recorded_at=self.now,
                    admitted_at=first.get("at"),
                    first_gate=first.get("gate", ""),
                    actor_id=self.by.user_id,
                    api_key_id=self.by.api_key_id,
                )
                rows.append(row)
        return rows

    def carry_out_alone(self, scan: Scan) -> Outcome:
        try:
            [outcome] = self.carry_out([scan])
        except IntegrityError as error:
            if violated_constraint(error) != SCAN_UNIQUE:
                raise
            return ScanIdReused()
        return outcome

    def _outcome(
        self,
        scan: Scan,
        ticket: Ticket | None,
        known: queries.KnownCheckins,
        new: list[Checkin],
    ) -> Outcome:
        """Decide one scan of a locked ticket; what admits is added to `known` and `new`."""
        if ticket is None:
            return TicketNotFound()
        if not self._is_here(ticket):
            return WrongPerformance()
        earlier = known.by_scan.get((ticket.performance_id, scan.scan_id))
        if earlier is not None:
            return _of_the_same_scan(earlier, ticket)
        scanned_at = self._judged_at(scan)
        if ticket.status == Ticket.Status.VOID:
            return TicketVoid()
        if not door_times(ticket.performance).are_open(scanned_at):
            return DoorsClosed()
        live = known.live.get(ticket.pk)
        if live is not None:
            return AlreadyAdmitted(at=live.admitted_at, gate=live.gate)
        checkin = Checkin(
            ticket=ticket,
            performance_id=ticket.performance_id,
            scan_id=scan.scan_id,
            gate=scan.gate,
            admitted_at=scanned_at,
            recorded_at=self.now,
            actor_id=self.by.user_id,
            api_key_id=self.by.api_key_id,
        )
        known.add(checkin)
        new.append(checkin)
        return checkin_result(checkin, ticket)

    def _is_here(self, ticket: Ticket) -> bool:
        here = self.performance_id
        return here in (None, ticket.performance_id) and _may_be_at(self.by, ticket.performance_id)

    def _judged_at(self, scan: Scan) -> datetime:
        """Return when a scan was made, as far as its scanner's clock is believed."""
        earliest: datetime = self.now - timedelta(days=policy.OFFLINE_DAYS)
        return min(self.now, max(earliest, scan.scanned_at))


def _of_the_same_scan(earlier: Checkin, ticket: Ticket) -> Outcome:
    if earlier.ticket_id != ticket.pk:
        return ScanIdReused()
    return checkin_result(earlier, ticket) if earlier.undone_at is None else ScanUndone()
