"""The tables of the door; `tickets.models` has them as its own."""

from django.db import models
from django.db.models import Q

from concerts.models import Performance
from kernel.db.fields import UUID7Field
from kernel.i18n import text

LIVE_UNIQUE = "tickets_checkin_live_unique"
SCAN_UNIQUE = "tickets_checkin_scan_unique"
REFUSED_UNIQUE = "tickets_refusedscan_unique"
UNLISTED_UNIQUE = "tickets_unlistedscans_unique"


class Checkin(models.Model):
    """One admission by a ticket at a gate, in force until it is undone.

    `scan_id` is the scanner's name for the scan, unique at a performance. `admitted_at` is when the
    ticket was scanned, `recorded_at` when we heard of it; they differ for a scanner that had no
    network. A member of staff scanned (`actor_id`) or a machine (`api_key_id`).
    """

    id = UUID7Field()
    ticket = models.ForeignKey("tickets.Ticket", on_delete=models.PROTECT, related_name="checkins")
    # No constraint and no index: the ticket has them.
    performance = models.ForeignKey(
        Performance,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    scan_id = models.CharField(max_length=64)
    gate = models.CharField(max_length=40)
    admitted_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor_id = models.UUIDField(null=True)
    api_key_id = models.UUIDField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = text(en="check-in", ko="입장 확인")
        verbose_name_plural = text(en="check-ins", ko="입장 확인")
        constraints = [
            models.UniqueConstraint(
                fields=["ticket"], condition=Q(undone_at__isnull=True), name=LIVE_UNIQUE
            ),
            models.UniqueConstraint(fields=["performance", "scan_id"], name=SCAN_UNIQUE),
            models.CheckConstraint(
                condition=Q(actor_id__isnull=True, api_key_id__isnull=False)
                | Q(actor_id__isnull=False, api_key_id__isnull=True),
                name="tickets_checkin_by_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gate} {self.scan_id}"


class RefusedScan(models.Model):
    """A scan that was made without a network and refused once it was sent: for the supervisor.

    Nobody is put out by it. `outcome` is the code of the refusal; `admitted_at` and `first_gate`
    are of the admission that came first, where that is the reason.
    """

    id = UUID7Field()
    # No constraint: scans without a ticket have no row that would hold the performance.
    performance = models.ForeignKey(
        Performance,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    ticket = models.ForeignKey(
        "tickets.Ticket", on_delete=models.PROTECT, related_name="+", null=True
    )
    scan_id = models.CharField(max_length=64)
    gate = models.CharField(max_length=40)
    outcome = models.CharField(max_length=40)
    scanned_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    admitted_at = models.DateTimeField(null=True)
    first_gate = models.CharField(max_length=40, blank=True)
    actor_id = models.UUIDField(null=True)
    api_key_id = models.UUIDField(null=True)

    class Meta:
        verbose_name = text(en="scan refused later", ko="나중에 거절된 스캔")
        verbose_name_plural = text(en="scans refused later", ko="나중에 거절된 스캔")
        constraints = [
            models.UniqueConstraint(fields=["performance", "scan_id"], name=REFUSED_UNIQUE),
        ]

    def __str__(self) -> str:
        return f"{self.gate} {self.scan_id}"


class UnlistedScans(models.Model):
    """How many refused scans of a performance have no row, for there are enough like them.

    Those of a batch that is sent again count again.
    """

    id = UUID7Field()
    # No constraint and no index: as `RefusedScan`.
    performance = models.ForeignKey(
        Performance,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    scans = models.PositiveBigIntegerField()
    latest_at = models.DateTimeField()

    class Meta:
        verbose_name = text(en="unlisted scans", ko="목록에 없는 스캔")
        verbose_name_plural = text(en="unlisted scans", ko="목록에 없는 스캔")
        constraints = [
            models.UniqueConstraint(fields=["performance"], name=UNLISTED_UNIQUE),
        ]

    def __str__(self) -> str:
        return str(self.scans)
