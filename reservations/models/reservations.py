"""Reservations: seats that one fan holds or has bought."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from concerts.models import Performance, Seat
from kernel.db.fields import UUID7Field
from kernel.i18n import text
from kernel.money import DEFAULT_CURRENCY, Money


class Reservation(models.Model):
    """Seats of one performance held or bought by one fan. Partitioned by month of its key."""

    class Status(models.TextChoices):
        PENDING = "PENDING", text(en="Pending", ko="결제 대기")
        CONFIRMED = "CONFIRMED", text(en="Confirmed", ko="확정")
        EXPIRED = "EXPIRED", text(en="Expired", ko="만료")
        RELEASED = "RELEASED", text(en="Released", ko="해제")
        CANCELLED = "CANCELLED", text(en="Cancelled", ko="취소")

    id = UUID7Field()
    # No constraint: every hold would lock the same performance row (see the ADR on foreign keys).
    performance = models.ForeignKey(
        Performance,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    # No index of its own: the one on (user, performance, extendable_until) serves it.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="reservations",
        db_index=False,
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    amount = models.PositiveBigIntegerField(
        help_text=text(
            en="Minor units, sum of the seats' prices", ko="통화의 최소 단위(원), 좌석 가격의 합"
        )
    )
    currency = models.CharField(max_length=3, default=DEFAULT_CURRENCY)
    created_at = models.DateTimeField(
        help_text=text(en="When it was first held", ko="처음 선점한 시각")
    )
    expires_at = models.DateTimeField()
    extendable_until = models.DateTimeField()
    payment_opened_at = models.DateTimeField(null=True, blank=True)
    # What payments say of the latest attempt; kept here because reservations stand below payments.
    payment_id = models.UUIDField(null=True, blank=True)
    payment_status = models.CharField(max_length=20, blank=True)
    money_may_have_moved = models.BooleanField(
        default=False,
        db_default=False,
        help_text=text(
            en="Then the seats can't be given up like a mere hold.",
            ko="참이면 단순 선점처럼 좌석을 해제할 수 없습니다.",
        ),
    )
    closed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=text(
            en="When it left PENDING; later changes don't move it",
            ko="결제 대기를 벗어난 시각. 이후 변경에는 바뀌지 않습니다.",
        ),
    )

    class Meta:
        verbose_name = text(en="reservation", ko="예약")
        verbose_name_plural = text(en="reservations", ko="예약")
        indexes = [
            models.Index(
                fields=["user", "performance", "extendable_until"], name="reservations_fan_by_cap"
            ),
            models.Index(
                fields=["user", "performance"],
                condition=Q(status__in=["PENDING", "CONFIRMED"]),
                name="reservations_fan_live",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(status="PENDING"),
                name="reservations_pending_by_expiry",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    @property
    def money(self) -> Money:
        """The price of all seats."""
        return Money(self.amount, self.currency)

    def has_lapsed(self, now: datetime) -> bool:
        """Say whether it is a hold whose time has passed, swept or not."""
        return self.status == self.Status.PENDING and self.expires_at <= now


class ReservationSeat(models.Model):
    """One seat of a reservation at the price it was held for."""

    id = UUID7Field()
    # No index of its own: the unique one begins with it.
    reservation = models.ForeignKey(
        Reservation, on_delete=models.PROTECT, related_name="seats", db_index=False
    )
    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, related_name="+")
    price = models.PositiveBigIntegerField(
        help_text=text(en="Minor units", ko="통화의 최소 단위(원)")
    )
    currency = models.CharField(max_length=3, default=DEFAULT_CURRENCY)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = text(en="reserved seat", ko="예약 좌석")
        verbose_name_plural = text(en="reserved seats", ko="예약 좌석")
        constraints = [
            models.UniqueConstraint(
                fields=["reservation", "seat"], name="reservations_reservation_seat_unique"
            ),
        ]

    def __str__(self) -> str:
        return str(self.seat_id)
