"""Money that moves: payments for reservations, and points bought."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from kernel.db.fields import UUID7Field
from kernel.i18n import text
from kernel.money import DEFAULT_CURRENCY, Money
from reservations.models import Reservation

LIVE_PAYMENT_UNIQUE = "payments_payment_live_unique"
PAYMENT_REQUEST_UNIQUE = "payments_payment_request_unique"
CHARGE_REQUEST_UNIQUE = "payments_charge_request_unique"


def _paid_has_time(name: str) -> models.CheckConstraint:
    """Return the rule of payments and charges alike: PAID and only PAID has a time of payment."""
    return models.CheckConstraint(
        condition=Q(status="PAID", paid_at__isnull=False)
        | (~Q(status="PAID") & Q(paid_at__isnull=True)),
        name=name,
    )


class Payment(models.Model):
    """One attempt to pay for one reservation.

    CREATED -> REQUESTED -> PAID | FAILED | UNKNOWN; UNKNOWN -> PAID | FAILED. UNKNOWN is a state,
    not an error: the gateway didn't say. A CREATED one is ABANDONED by the next attempt; money
    found after FAILED or ABANDONED, or beside a paid sibling, is LATE_CAPTURED. Paying by points
    alone goes to PAID at once. At most one attempt of a reservation is live, by constraint.
    """

    class Status(models.TextChoices):
        CREATED = "CREATED", text(en="Created", ko="생성")
        REQUESTED = "REQUESTED", text(en="Requested", ko="요청함")
        PAID = "PAID", text(en="Paid", ko="결제 완료")
        FAILED = "FAILED", text(en="Failed", ko="실패")
        UNKNOWN = "UNKNOWN", text(en="Unknown", ko="확인 중")
        ABANDONED = "ABANDONED", text(en="Abandoned", ko="중단")
        LATE_CAPTURED = "LATE_CAPTURED", text(en="Late Captured", ko="지연 승인")

    class Method(models.TextChoices):
        POINTS = "POINTS", text(en="Points", ko="포인트")
        CARD = "CARD", text(en="Card", ko="카드")

    id = UUID7Field()
    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="payments")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payments"
    )
    method = models.CharField(max_length=6, choices=Method.choices)
    status = models.CharField(max_length=13, choices=Status.choices)
    amount = models.PositiveBigIntegerField(
        help_text=text(
            en="Minor units, all parts together", ko="통화의 최소 단위(원), 모든 결제 수단의 합"
        )
    )
    points_amount = models.PositiveBigIntegerField(
        help_text=text(en="The part paid by points", ko="포인트로 낸 부분")
    )
    currency = models.CharField(max_length=3, default=DEFAULT_CURRENCY)
    request_key = models.CharField(
        max_length=64,
        help_text=text(
            en="Hex SHA-256 of caller, route and Idempotency-Key",
            ko="요청자, 경로, Idempotency-Key의 SHA-256(16진수)",
        ),
    )
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = text(en="payment", ko="결제")
        verbose_name_plural = text(en="payments", ko="결제")
        constraints = [
            models.UniqueConstraint(
                fields=["reservation"],
                condition=Q(status__in=["CREATED", "REQUESTED", "UNKNOWN", "PAID"]),
                name=LIVE_PAYMENT_UNIQUE,
            ),
            models.UniqueConstraint(fields=["request_key"], name=PAYMENT_REQUEST_UNIQUE),
            models.CheckConstraint(
                condition=Q(points_amount__lte=F("amount"))
                & (Q(method="CARD") | Q(points_amount=F("amount"))),
                name="payments_payment_parts_fit",
            ),
            _paid_has_time("payments_payment_paid_has_time"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    @property
    def money(self) -> Money:
        """What is paid, all parts together."""
        return Money(self.amount, self.currency)

    @property
    def points(self) -> Money:
        """The part paid by points."""
        return Money(self.points_amount, self.currency)


class Charge(models.Model):
    """Points bought by a fan; the states mean what they mean on `Payment`."""

    class Status(models.TextChoices):
        CREATED = "CREATED", text(en="Created", ko="생성")
        REQUESTED = "REQUESTED", text(en="Requested", ko="요청함")
        PAID = "PAID", text(en="Paid", ko="결제 완료")
        FAILED = "FAILED", text(en="Failed", ko="실패")
        UNKNOWN = "UNKNOWN", text(en="Unknown", ko="확인 중")

    id = UUID7Field()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="charges"
    )
    status = models.CharField(max_length=9, choices=Status.choices)
    amount = models.PositiveBigIntegerField(
        help_text=text(en="Minor units; one point each", ko="통화의 최소 단위(원), 1원에 1포인트")
    )
    currency = models.CharField(max_length=3, default=DEFAULT_CURRENCY)
    request_key = models.CharField(
        max_length=64,
        help_text=text(
            en="Hex SHA-256 of caller, route and Idempotency-Key",
            ko="요청자, 경로, Idempotency-Key의 SHA-256(16진수)",
        ),
    )
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = text(en="points charge", ko="포인트 충전")
        verbose_name_plural = text(en="points charges", ko="포인트 충전")
        constraints = [
            models.UniqueConstraint(fields=["request_key"], name=CHARGE_REQUEST_UNIQUE),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payments_charge_positive"),
            _paid_has_time("payments_charge_paid_has_time"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    @property
    def money(self) -> Money:
        """What was bought."""
        return Money(self.amount, self.currency)
