"""The table of check-ins; `tickets.models` has it as its own."""

from django.db import models
from django.db.models import Q

from concerts.models import Performance
from kernel.db.fields import UUID7Field
from kernel.i18n import text

LIVE_UNIQUE = "tickets_checkin_live_unique"
SCAN_UNIQUE = "tickets_checkin_scan_unique"


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
