"""The table of tickets: one ticket a seat."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from concerts.models import Performance, Seat
from kernel.db.fields import UUID7Field
from kernel.i18n import text
from reservations.models import Reservation
from tickets.checkin_models import Checkin as Checkin  # noqa: PLC0414  (exported)
from tickets.checkin_models import RefusedScan as RefusedScan  # noqa: PLC0414  (exported)
from tickets.checkin_models import UnlistedScans as UnlistedScans  # noqa: PLC0414  (exported)

LIVE_SEAT_UNIQUE = "tickets_ticket_live_seat_unique"


class Ticket(models.Model):
    """A ticket of one seat. The unique live seat is the second guard against selling it twice."""

    class Status(models.TextChoices):
        VALID = "VALID", text(en="Valid", ko="유효")
        USED = "USED", text(en="Used", ko="사용됨")
        VOID = "VOID", text(en="Void", ko="무효")

    id = UUID7Field()
    code = models.CharField(
        max_length=12,
        unique=True,
        help_text=text(en="Short, random, public", ko="짧은 임의의 공개 코드"),
    )
    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="tickets")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="tickets"
    )
    # No constraint: the seat has it, and every sale would lock the same performance row.
    performance = models.ForeignKey(
        Performance,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, related_name="+", db_index=False)
    status = models.CharField(max_length=5, choices=Status.choices, default=Status.VALID)
    issued_at = models.DateTimeField()
    # PostgreSQL keeps it (trigger `tickets_note_change`), whatever changes the status.
    changed_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = text(en="ticket", ko="티켓")
        verbose_name_plural = text(en="tickets", ko="티켓")
        permissions = [("check_in_ticket", "Can check tickets in and undo it")]
        indexes = [
            models.Index(fields=["performance", "changed_at"], name="tickets_ticket_changed")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["seat"], condition=~Q(status="VOID"), name=LIVE_SEAT_UNIQUE
            ),
        ]

    def __str__(self) -> str:
        return self.code
