"""The tables of money received: payments for reservations, and charges (points bought)."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from kernel.db.fields import UUID7Field
from kernel.i18n import text
from kernel.money import DEFAULT_CURRENCY, Money
from reservations.models import Reservation

LIVE_PAYMENT_UNIQUE = "payments_payment_live_unique"
OPEN_STATUSES = ["CREATED", "REQUESTED", "UNKNOWN"]  # the gateway has still to say how it ended
LIVE_STATUSES = [*OPEN_STATUSES, "PAID"]  # money may have moved, or may yet
NAME_LENGTH = 20  # of a method or a status: longer than any today, so that a new one fits
# Note [Room of the gateway]: adapters cut what a gateway says to these lengths, never the database.
PAYMENT_KEY_LENGTH = 200
FAILURE_CODE_LENGTH = 60
FAILURE_MESSAGE_LENGTH = 500
CHECKOUT_URL_LENGTH = 2000


def payment_methods() -> list[tuple[str, Any]]:
    """Return the choices of `Payment.method`, at the call: a new method needs no migration."""
    return Payment.Method.choices


class MoneyReceived(models.Model):
    """What payments and charges have in common: whose money, how much, and by which request.

    PAID and only PAID has a time of payment; a request has one row at most. What goes through a
    gateway names it and has an order there, whose id derives from the request key and is never
    used again. While the gateway has to say how it ends, `resolve_after` is when it is asked next.
    """

    id = UUID7Field()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="%(class)ss"
    )
    status = models.CharField(max_length=NAME_LENGTH)
    amount = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3, default=DEFAULT_CURRENCY)
    request_key = models.CharField(
        max_length=64,
        help_text=text(
            en="Hex SHA-256 of caller, route and Idempotency-Key",
            ko="요청자, 경로, Idempotency-Key의 SHA-256(16진수)",
        ),
    )
    gateway = models.CharField(
        max_length=NAME_LENGTH,
        blank=True,
        default="",
        db_default="",
        help_text=text(
            en="Empty if no gateway takes part", ko="결제 대행사를 거치지 않으면 비어 있음"
        ),
    )
    order_id = models.CharField(  # noqa: DJ001  (unique where there is one)
        max_length=64,
        null=True,
        blank=True,
        help_text=text(en="Of the order at the gateway", ko="결제 대행사의 주문 ID"),
    )
    payment_key = models.CharField(
        max_length=PAYMENT_KEY_LENGTH,
        blank=True,
        default="",
        db_default="",
        help_text=text(
            en="What the gateway calls the payment of the order",
            ko="결제 대행사가 주문의 결제에 붙인 키",
        ),
    )
    checkout_url = models.CharField(
        max_length=CHECKOUT_URL_LENGTH, blank=True, default="", db_default=""
    )
    failure_code = models.CharField(
        max_length=FAILURE_CODE_LENGTH, blank=True, default="", db_default=""
    )
    failure_message = models.CharField(
        max_length=FAILURE_MESSAGE_LENGTH, blank=True, default="", db_default=""
    )
    created_at = models.DateTimeField()
    requested_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    resolve_after = models.DateTimeField(
        null=True,
        blank=True,
        help_text=text(
            en="When the gateway is asked next; empty when nothing is open",
            ko="결제 대행사에 다시 확인할 시각. 확인할 것이 없으면 비어 있음",
        ),
    )
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(
                fields=["request_key"], name="%(app_label)s_%(class)s_request_unique"
            ),
            models.UniqueConstraint(
                fields=["order_id"],
                condition=Q(order_id__isnull=False),
                name="%(app_label)s_%(class)s_order_unique",
            ),
            models.CheckConstraint(
                condition=Q(status="PAID", paid_at__isnull=False)
                | (~Q(status="PAID") & Q(paid_at__isnull=True)),
                name="%(app_label)s_%(class)s_paid_has_time",
            ),
            models.CheckConstraint(
                condition=Q(gateway="", order_id__isnull=True)
                | (~Q(gateway="") & Q(order_id__isnull=False)),
                name="%(app_label)s_%(class)s_order_at_gateway",
            ),
            models.CheckConstraint(
                condition=Q(gateway="")
                | ~Q(status__in=OPEN_STATUSES)
                | Q(resolve_after__isnull=False),
                name="%(app_label)s_%(class)s_open_is_resolved",
            ),
            models.CheckConstraint(
                condition=~Q(status="REQUESTED") | Q(gateway="") | Q(requested_at__isnull=False),
                name="%(app_label)s_%(class)s_requested_has_time",
            ),
            models.CheckConstraint(
                condition=Q(failure_code="") | ~Q(status__in=LIVE_STATUSES),
                name="%(app_label)s_%(class)s_failure_is_final",
            ),
        ]
        indexes = [
            models.Index(
                fields=["resolve_after"],
                condition=Q(resolve_after__isnull=False),
                name="%(app_label)s_%(class)s_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    @property
    def money(self) -> Money:
        """The amount, all parts together."""
        return Money(self.amount, self.currency)

    @property
    def gateway_money(self) -> Money:
        """The part that the gateway takes."""
        return self.money


class Payment(MoneyReceived):
    """One attempt to pay for one reservation.

    CREATED -> REQUESTED -> PAID | FAILED | UNKNOWN; UNKNOWN -> PAID | FAILED. UNKNOWN is a state,
    not an error: the gateway didn't say. A CREATED one is ABANDONED by the next attempt. Money that
    is found when the seats are gone, or beside a live sibling, is LATE_CAPTURED and goes back; with
    the seats still free it is PAID, also after FAILED or ABANDONED. Paying by points alone goes to
    PAID at once. At most one attempt of a reservation is live, by constraint.

    The points part is with us in every live state, and back with the fan in every other.
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

    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="payments")
    method = models.CharField(max_length=NAME_LENGTH, choices=payment_methods)
    status = models.CharField(max_length=NAME_LENGTH, choices=Status.choices)
    amount = models.PositiveBigIntegerField(
        help_text=text(
            en="Minor units, all parts together", ko="통화의 최소 단위(원), 모든 결제 수단의 합"
        )
    )
    points_amount = models.PositiveBigIntegerField(
        help_text=text(en="The part paid by points", ko="포인트로 낸 부분")
    )

    class Meta(MoneyReceived.Meta):
        verbose_name = text(en="payment", ko="결제")
        verbose_name_plural = text(en="payments", ko="결제")
        constraints = [
            *MoneyReceived.Meta.constraints,
            models.UniqueConstraint(
                fields=["reservation"],
                condition=Q(status__in=LIVE_STATUSES),
                name=LIVE_PAYMENT_UNIQUE,
            ),
            # Points pay all of a payment by points, and at most all of any other.
            models.CheckConstraint(
                condition=Q(points_amount__lte=F("amount"))
                & (~Q(method="POINTS") | Q(points_amount=F("amount"))),
                name="payments_payment_points_fit",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[*LIVE_STATUSES, "FAILED", "ABANDONED", "LATE_CAPTURED"]),
                name="payments_payment_status_known",
            ),
        ]

    @property
    def points(self) -> Money:
        """The part paid by points."""
        return Money(self.points_amount, self.currency)

    @property
    def gateway_money(self) -> Money:
        """The part that the gateway takes."""
        return Money(self.amount - self.points_amount, self.currency)


class Charge(MoneyReceived):
    """Points bought by a fan; the states mean what they mean on `Payment`.

    Money that is found late buys points all the same, so FAILED may still become PAID.
    """

    class Status(models.TextChoices):
        CREATED = "CREATED", text(en="Created", ko="생성")
        REQUESTED = "REQUESTED", text(en="Requested", ko="요청함")
        PAID = "PAID", text(en="Paid", ko="결제 완료")
        FAILED = "FAILED", text(en="Failed", ko="실패")
        UNKNOWN = "UNKNOWN", text(en="Unknown", ko="확인 중")

    status = models.CharField(max_length=NAME_LENGTH, choices=Status.choices)
    amount = models.PositiveBigIntegerField(
        help_text=text(en="Minor units; one point each", ko="통화의 최소 단위(원), 1원에 1포인트")
    )

    class Meta(MoneyReceived.Meta):
        verbose_name = text(en="points charge", ko="포인트 충전")
        verbose_name_plural = text(en="points charges", ko="포인트 충전")
        constraints = [
            *MoneyReceived.Meta.constraints,
            models.CheckConstraint(condition=Q(amount__gt=0), name="payments_charge_positive"),
            models.CheckConstraint(
                condition=Q(status__in=[*LIVE_STATUSES, "FAILED"]),
                name="payments_charge_status_known",
            ),
        ]
