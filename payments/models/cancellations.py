"""The tables of cancellations: what giving seats up costs, and what was given up."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from concerts.models import Performance
from kernel.db.fields import UUID7Field
from kernel.i18n import text
from kernel.money import DEFAULT_CURRENCY, Money
from payments.fees import validate_fees
from payments.models.received import NAME_LENGTH, Payment

REFUND_POLICY_UNIQUE = "payments_refund_policy_unique"


class RefundPolicy(models.Model):
    """What it costs to give bought seats up: the fee table of one performance, or of all others.

    Versioned and audited. The one without a performance is for every performance that has none.
    """

    id = UUID7Field()
    # No index of its own: the unique one serves it.
    performance = models.ForeignKey(
        Performance,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="refund_policies",
        help_text=text(
            en="Empty: for every performance without a table of its own",
            ko="비우면 별도 기준이 없는 모든 회차에 적용",
        ),
    )
    fees = models.TextField(
        max_length=1000,
        validators=[validate_fees],
        help_text=text(
            en="A line each: until how many hours before the start, and the fee of a seat until "
            "then as a percentage or in minor units, such as 72 20% or 24 5000. Later than the "
            "last line nothing is given back.",
            ko="한 줄에 하나씩: 시작 몇 시간 전까지인지와 그때까지의 좌석당 수수료(비율 또는 원). "
            "예: 72 20%, 24 5000. 마지막 줄보다 늦으면 환불 불가.",
        ),
    )
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        verbose_name = text(en="refund policy", ko="환불 기준")
        verbose_name_plural = text(en="refund policies", ko="환불 기준")
        constraints = [
            models.UniqueConstraint(
                fields=["performance"], nulls_distinct=False, name=REFUND_POLICY_UNIQUE
            ),
        ]

    def __str__(self) -> str:
        return f"refund policy v{self.version}"


class Cancellation(models.Model):
    """Seats that were bought and given up by one request, and what came of the money.

    It is written in the transaction that gives the seats up; its refunds are found by their keys.
    """

    id = UUID7Field()
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="cancellations")
    seat_ids = ArrayField(models.UUIDField(), help_text=text(en="By id", ko="ID 순"))
    paid = models.PositiveBigIntegerField(
        help_text=text(en="Minor units, for these seats", ko="통화의 최소 단위(원), 해당 좌석분")
    )
    fee = models.PositiveBigIntegerField(
        help_text=text(en="Kept of what was paid", ko="환불하지 않는 수수료")
    )
    points_amount = models.PositiveBigIntegerField(
        help_text=text(en="The part given back as points", ko="포인트로 돌려주는 부분")
    )
    currency = models.CharField(max_length=3, default=DEFAULT_CURRENCY)
    reason = models.CharField(max_length=2 * NAME_LENGTH)
    policy_version = models.PositiveIntegerField(
        help_text=text(en="0: the one built in", ko="0: 기본 내장 기준")
    )
    request_key = models.CharField(
        max_length=64,
        help_text=text(
            en="Hex SHA-256 of caller, route and Idempotency-Key",
            ko="요청자, 경로, Idempotency-Key의 SHA-256(16진수)",
        ),
    )
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = text(en="cancellation", ko="취소")
        verbose_name_plural = text(en="cancellations", ko="취소")
        constraints = [
            models.UniqueConstraint(
                fields=["request_key"], name="payments_cancellation_request_unique"
            ),
            models.CheckConstraint(
                condition=Q(fee__lte=F("paid")) & Q(points_amount__lte=F("paid") - F("fee")),
                name="payments_cancellation_parts_fit",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def refund_money(self) -> Money:
        """What is given back, all parts together."""
        return Money(self.paid - self.fee, self.currency)


class RefundRun(models.Model):
    """How far the refunds of a cancelled performance have come; what is left, its seats say."""

    performance = models.OneToOneField(
        Performance, on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    reservations = models.PositiveIntegerField(default=0)
    amount = models.PositiveBigIntegerField(
        default=0, help_text=text(en="Minor units given back", ko="돌려준 금액(원)")
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = text(en="refund run", ko="공연 취소 환불")
        verbose_name_plural = text(en="refund runs", ko="공연 취소 환불")

    def __str__(self) -> str:
        return str(self.performance_id)
