"""Who has which seat."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from concerts.models import Performance, Seat
from kernel.db.fields import UUID7Field
from kernel.i18n import text
from kernel.money import DEFAULT_CURRENCY, Money
from reservations import policy

INVENTORY_STATE_CONSISTENT = "reservations_inventory_state_consistent"
RESERVATION_SEAT_UNIQUE = "reservations_reservation_seat_unique"


class SalePolicy(models.Model):
    """How one performance is sold: windows, hold lengths and limits. Versioned and audited."""

    performance = models.OneToOneField(
        Performance, on_delete=models.PROTECT, primary_key=True, related_name="sale_policy"
    )
    sale_opens_at = models.DateTimeField()
    sale_closes_at = models.DateTimeField()
    hold_seconds = models.PositiveIntegerField(default=policy.HOLD_SECONDS)
    hold_cap_seconds = models.PositiveIntegerField(
        default=policy.HOLD_CAP_SECONDS,
        help_text=text(
            en="Counted from the first hold; nothing outlives it.",
            ko="최초 선점부터 계산하며 이보다 길어질 수 없습니다.",
        ),
    )
    payment_seconds = models.PositiveIntegerField(default=policy.PAYMENT_SECONDS)
    max_seats_per_fan = models.PositiveSmallIntegerField(default=policy.MAX_SEATS_PER_FAN)
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
            ),
            models.CheckConstraint(
                condition=Q(hold_seconds__lte=F("hold_cap_seconds")),
                name="reservations_policy_hold_within_cap",
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
    reason = models.CharField(max_length=200)
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


class SeatInventory(models.Model):
    """The sale state of one seat. This row is the lock that counts.

    `held_until` is the deadline that counts (Note [Hold deadline]): a seat TEMPORARILY_RESERVED
    with `held_until <= now` is free to whoever claims it next, with no job in between.
    `performance` and `index` are copies that never change, so that the availability string needs
    no join and no index covers a changing column (updates stay HOT).
    """

    class Status(models.TextChoices):
        AVAILABLE = "AVAILABLE", text(en="Available", ko="예매 가능")
        TEMPORARILY_RESERVED = (
            "TEMPORARILY_RESERVED",
            text(en="Temporarily Reserved", ko="임시 선점"),
        )
        RESERVED = "RESERVED", text(en="Reserved", ko="판매됨")
        BLOCKED = "BLOCKED", text(en="Blocked", ko="판매 제외")

    seat = models.OneToOneField(
        Seat, on_delete=models.PROTECT, primary_key=True, related_name="inventory"
    )
    performance = models.ForeignKey(
        Performance,
        on_delete=models.PROTECT,
        related_name="inventory",
        db_constraint=False,
        db_index=False,
    )
    index = models.PositiveIntegerField()
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.AVAILABLE)
    reservation_id = models.UUIDField(null=True, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = text(en="seat on sale", ko="판매 좌석")
        verbose_name_plural = text(en="seats on sale", ko="판매 좌석")
        permissions = [("block_seat", "Can block and unblock seats")]
        constraints = [
            models.UniqueConstraint(
                fields=["performance", "index"], name="reservations_inventory_index_unique"
            ),
            models.CheckConstraint(
                name=INVENTORY_STATE_CONSISTENT,
                condition=(
                    Q(
                        status__in=["AVAILABLE", "BLOCKED"],
                        reservation_id__isnull=True,
                        held_until__isnull=True,
                    )
                    | Q(
                        status="TEMPORARILY_RESERVED",
                        reservation_id__isnull=False,
                        held_until__isnull=False,
                    )
                    | Q(
                        status="RESERVED",
                        reservation_id__isnull=False,
                        held_until__isnull=True,
                    )
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.index} {self.status}"


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
    # What payments told of the latest attempt; kept here because reservations stand below payments.
    payment_id = models.UUIDField(null=True, blank=True)
    payment_status = models.CharField(max_length=20, blank=True)
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
            models.UniqueConstraint(fields=["reservation", "seat"], name=RESERVATION_SEAT_UNIQUE),
        ]

    def __str__(self) -> str:
        return str(self.seat_id)
