"""The table of offers: other seats for money that came when the chosen ones were gone."""

from django.db import models
from django.db.models import Q

from kernel.db.fields import UUID7Field
from kernel.i18n import text
from payments.models.received import NAME_LENGTH, Payment
from reservations.models import Reservation


class Offer(models.Model):
    """Other seats that are held for a fan until `until`, in place of those that late money was for.

    OPEN -> ACCEPTED | DECLINED | LAPSED. While it is open, the payment is LATE_CAPTURED and all of
    its money is with us, the points part too; then it has bought the seats, or is refunded.
    """

    class Status(models.TextChoices):
        OPEN = "OPEN", text(en="Open", ko="진행 중")
        ACCEPTED = "ACCEPTED", text(en="Accepted", ko="수락")
        DECLINED = "DECLINED", text(en="Declined", ko="거절")
        LAPSED = "LAPSED", text(en="Lapsed", ko="시간 만료")

    id = UUID7Field()
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="offer")
    reservation = models.OneToOneField(
        Reservation,
        on_delete=models.PROTECT,
        related_name="offer",
        help_text=text(en="That holds the seats on offer", ko="제안한 좌석을 선점한 예약"),
    )
    instead_of = models.ForeignKey(
        Reservation,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=text(en="Whose seats were gone", ko="좌석이 없어진 원래 예약"),
    )
    status = models.CharField(max_length=NAME_LENGTH, choices=Status.choices, default=Status.OPEN)
    until = models.DateTimeField()
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = text(en="offer of other seats", ko="대체 좌석 제안")
        verbose_name_plural = text(en="offers of other seats", ko="대체 좌석 제안")
        constraints = [
            models.CheckConstraint(
                condition=Q(status="OPEN", closed_at__isnull=True)
                | Q(status__in=["ACCEPTED", "DECLINED", "LAPSED"], closed_at__isnull=False),
                name="payments_offer_closed_has_time",
            ),
            models.UniqueConstraint(
                fields=["instead_of"],
                condition=Q(status__in=["OPEN", "ACCEPTED"]),
                name="payments_offer_one_of_reservation",
            ),
        ]
        indexes = [
            models.Index(fields=["until"], condition=Q(status="OPEN"), name="payments_offer_due"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"
