"""The table of refunds: money given back, all of a payment or a part of it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from kernel.db.fields import UUID7Field
from kernel.i18n import text
from kernel.money import DEFAULT_CURRENCY, Money
from payments.models.received import FAILURE_MESSAGE_LENGTH, NAME_LENGTH, Payment

REFUND_WITHIN_CAPTURED = "payments_refund_within_captured"  # the trigger that the migration makes
OPEN_REFUNDS = ["CREATED", "REQUESTED", "UNKNOWN"]


class Refund(models.Model):
    """Money of one payment on its way back to the fan: by the gateway, as points, or both.

    CREATED -> REQUESTED -> DONE | UNKNOWN | REFUSED; UNKNOWN -> DONE | REFUSED. One that may not
    have been sent is asked for again: the gateway gives the money back once for its key. Those
    that the gateway has not refused never exceed what the payment captured: the payment's lock,
    and a trigger that takes it for every writer.
    """

    class Status(models.TextChoices):
        CREATED = "CREATED", text(en="Created", ko="생성")
        REQUESTED = "REQUESTED", text(en="Requested", ko="요청함")
        DONE = "DONE", text(en="Done", ko="환불 완료")
        UNKNOWN = "UNKNOWN", text(en="Unknown", ko="확인 중")
        REFUSED = "REFUSED", text(en="Refused", ko="거절")

    class Reason(models.TextChoices):
        LATE_CAPTURE = "LATE_CAPTURE", text(en="Paid too late", ko="지연 승인")
        CANCELLED = "CANCELLED", text(en="Cancelled by the fan", ko="구매자 취소")
        CALLED_OFF = "CALLED_OFF", text(en="Performance cancelled", ko="공연 취소")
        BY_STAFF = "BY_STAFF", text(en="By staff, as the policy says", ko="직원 처리(환불 기준)")
        GOODWILL = "GOODWILL", text(en="By staff, beyond the policy", ko="직원 처리(전액)")

    id = UUID7Field()
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    status = models.CharField(max_length=NAME_LENGTH, choices=Status.choices)
    reason = models.CharField(max_length=NAME_LENGTH, choices=Reason.choices)
    amount = models.PositiveBigIntegerField(
        help_text=text(
            en="Minor units, all parts together", ko="통화의 최소 단위(원), 모든 결제 수단의 합"
        )
    )
    points_amount = models.PositiveBigIntegerField(
        help_text=text(en="The part given back as points", ko="포인트로 돌려주는 부분")
    )
    currency = models.CharField(max_length=3, default=DEFAULT_CURRENCY)
    seat_ids = ArrayField(
        models.UUIDField(),
        default=list,
        blank=True,
        help_text=text(
            en="The seats given up; empty where none were sold",
            ko="취소한 좌석. 판매된 좌석이 없으면 비어 있음",
        ),
    )
    request_key = models.CharField(
        max_length=64,
        help_text=text(
            en="Names the refund to the gateway, however often it is asked for",
            ko="여러 번 요청해도 같은 환불임을 알리는 키",
        ),
    )
    failure_message = models.CharField(max_length=FAILURE_MESSAGE_LENGTH, blank=True, default="")
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    resolve_after = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = text(en="refund", ko="환불")
        verbose_name_plural = text(en="refunds", ko="환불")
        constraints = [
            models.UniqueConstraint(fields=["request_key"], name="payments_refund_request_unique"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, points_amount__lte=F("amount")),
                name="payments_refund_parts_fit",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[*OPEN_REFUNDS, "DONE", "REFUSED"]),
                name="payments_refund_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status="DONE", done_at__isnull=False)
                | (~Q(status="DONE") & Q(done_at__isnull=True)),
                name="payments_refund_done_has_time",
            ),
            models.CheckConstraint(
                condition=Q(status__in=OPEN_REFUNDS, resolve_after__isnull=False)
                | (~Q(status__in=OPEN_REFUNDS) & Q(resolve_after__isnull=True)),
                name="payments_refund_open_is_resolved",
            ),
        ]
        indexes = [
            models.Index(
                fields=["resolve_after"],
                condition=Q(resolve_after__isnull=False),
                name="payments_refund_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    @property
    def money(self) -> Money:
        """What is given back, all parts together."""
        return Money(self.amount, self.currency)

    @property
    def points(self) -> Money:
        """The part given back as points."""
        return Money(self.points_amount, self.currency)

    @property
    def gateway_money(self) -> Money:
        """The part that the gateway gives back."""
        return Money(self.amount - self.points_amount, self.currency)
