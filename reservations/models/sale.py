"""How performances are sold, and stops of their sales."""

from collections.abc import Callable
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from concerts.models import Performance
from kernel.db.fields import UUID7Field
from kernel.i18n import text
from reservations import policy

HALT_REASON_LENGTH = 200


def _within(bounds: tuple[int, int]) -> list[Callable[[Any], None]]:
    return [MinValueValidator(bounds[0]), MaxValueValidator(bounds[1])]


class SalePolicy(models.Model):
    """How one performance is sold: windows, hold lengths and limits. Versioned and audited."""

    performance = models.OneToOneField(
        Performance, on_delete=models.PROTECT, primary_key=True, related_name="sale_policy"
    )
    sale_opens_at = models.DateTimeField()
    sale_closes_at = models.DateTimeField()
    hold_seconds = models.PositiveIntegerField(
        default=policy.HOLD_SECONDS, validators=_within(policy.HOLD_SECONDS_BOUNDS)
    )
    hold_cap_seconds = models.PositiveIntegerField(
        default=policy.HOLD_CAP_SECONDS,
        validators=_within(policy.HOLD_SECONDS_BOUNDS),
        help_text=text(
            en="Counted from the first hold; nothing outlives it.",
            ko="최초 선점부터 계산하며 이보다 길어질 수 없습니다.",
        ),
    )
    extra_time_cap_seconds = models.PositiveIntegerField(
        default=policy.EXTRA_TIME_CAP_SECONDS,
        db_default=policy.EXTRA_TIME_CAP_SECONDS,
        validators=_within(policy.EXTRA_TIME_CAP_SECONDS_BOUNDS),
        help_text=text(
            en="The cap of fans who need more time; never less than that of everybody.",
            ko="시간 연장이 필요한 회원의 상한이며, 일반 상한보다 짧아지지 않습니다.",
        ),
    )
    payment_seconds = models.PositiveIntegerField(
        default=policy.PAYMENT_SECONDS, validators=_within(policy.HOLD_SECONDS_BOUNDS)
    )
    max_seats_per_fan = models.PositiveSmallIntegerField(
        default=policy.MAX_SEATS_PER_FAN, validators=_within(policy.SEATS_PER_FAN_BOUNDS)
    )
    orphan_rule = models.BooleanField(
        default=False,
        help_text=text(
            en="Refuse chosen seats that would leave a single seat alone.",
            ko="한 자리만 남기는 좌석 선택을 거절합니다.",
        ),
    )
    holds_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=text(
            en="Attempts of one fan; empty: the site's limit, 0: no limit.",
            ko="회원별 시도 횟수. 비우면 사이트 기본값, 0이면 제한 없음.",
        ),
    )
    holds_per_minute_per_address = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=text(
            en="Attempts from one address; empty: the site's limit, 0: no limit.",
            ko="주소별 시도 횟수. 비우면 사이트 기본값, 0이면 제한 없음.",
        ),
    )
    lapses_before_backoff = models.PositiveSmallIntegerField(
        default=policy.LAPSES_BEFORE_BACKOFF,
        help_text=text(
            en="Holds a fan lets lapse before having to wait; 0: never.",
            ko="만료된 선점이 이만큼 쌓이면 기다려야 합니다. 0이면 기다리지 않음.",
        ),
    )
    backoff_seconds = models.PositiveIntegerField(
        default=policy.BACKOFF_SECONDS,
        validators=_within(policy.BACKOFF_SECONDS_BOUNDS),
        help_text=text(
            en="The first wait; it doubles each time.",
            ko="첫 대기 시간. 반복될 때마다 두 배가 됩니다.",
        ),
    )
    put_on_sale_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        verbose_name = text(en="sale policy", ko="판매 정책")
        verbose_name_plural = text(en="sale policies", ko="판매 정책")
        permissions = [
            ("put_on_sale", "Can put a performance on sale"),
            ("halt_sale", "Can halt and resume a sale"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(sale_opens_at__lt=F("sale_closes_at")),
                name="reservations_policy_window_ordered",
                violation_error_code="sale_closes_at",  # the field to blame
            ),
            models.CheckConstraint(
                condition=Q(hold_seconds__lte=F("hold_cap_seconds")),
                name="reservations_policy_hold_within_cap",
                violation_error_code="hold_seconds",
            ),
        ]

    def __str__(self) -> str:
        return f"sale policy v{self.version}"


class SaleHalt(models.Model):
    """A stop of a sale, with its reason; the sale goes on once every halt is lifted."""

    id = UUID7Field()
    performance = models.ForeignKey(
        Performance, on_delete=models.PROTECT, related_name="halts", db_index=False
    )
    reason = models.CharField(max_length=HALT_REASON_LENGTH)
    created_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = text(en="sale halt", ko="판매 중지")
        verbose_name_plural = text(en="sale halts", ko="판매 중지")
        indexes = [
            models.Index(
                fields=["performance"],
                condition=Q(lifted_at__isnull=True),
                name="reservations_halt_live",
            ),
        ]

    def __str__(self) -> str:
        return self.reason
