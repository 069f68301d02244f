"""A double-entry ledger of points.

Note [Ledger]
Points move by a `Transfer` of two or more `Entry` rows whose signed amounts sum to zero; a
deferred constraint trigger checks that at commit, for every writer. A fan's account stores its
balance under a check constraint, so it can never be spent twice, and every entry of it the balance
after. The system's accounts store none: everybody's transfer touches them, so a stored balance
would be one hot row; theirs is the sum of their entries.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from kernel.db.fields import UUID7Field
from kernel.i18n import text
from kernel.money import DEFAULT_CURRENCY, Money
from points.policy import TransferKind

KIND_NAMES = {
    TransferKind.CHARGE: text(en="charge", ko="충전"),
    TransferKind.PAYMENT: text(en="payment", ko="결제"),
    TransferKind.PAYMENT_HOLD: text(en="points part of a payment", ko="결제 중 포인트 사용"),
    TransferKind.PAYMENT_RETURN: text(en="points part returned", ko="결제 실패로 포인트 반환"),
    TransferKind.REFUND: text(en="refund", ko="환불"),
    TransferKind.GRANT: text(en="grant", ko="지급"),
    TransferKind.ADJUSTMENT: text(en="adjustment by staff", ko="직원 조정"),
}

TRANSFER_ONCE = "points_transfer_once"
BALANCE_NOT_NEGATIVE = "points_account_balance_not_negative"
TRANSFER_BALANCED = "points_transfer_balanced"  # the trigger that the migration makes


class Account(models.Model):
    """An account of points. A fan's account has the fan's id, so it needs no look-up."""

    id = models.UUIDField(primary_key=True, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="points_account",
        help_text=text(en="Empty on the system's own accounts", ko="시스템 계정이면 비어 있음"),
    )
    name = models.CharField(
        max_length=40, blank=True, help_text=text(en="Of a system account", ko="시스템 계정의 이름")
    )
    balance = models.BigIntegerField(
        null=True,
        blank=True,
        help_text=text(
            en="Points; stored for fans only, see Note [Ledger]",
            ko="포인트. 회원 계정에만 저장됩니다.",
        ),
    )
    currency = models.CharField(max_length=3, default=DEFAULT_CURRENCY)
    opened_at = models.DateTimeField()

    class Meta:
        verbose_name = text(en="points account", ko="포인트 계정")
        verbose_name_plural = text(en="points accounts", ko="포인트 계정")
        permissions = [("adjust_points", "Can give points to a fan and take them back")]
        constraints = [
            models.CheckConstraint(condition=Q(balance__gte=0), name=BALANCE_NOT_NEGATIVE),
            models.CheckConstraint(
                condition=Q(user__isnull=True, balance__isnull=True)
                | Q(user=F("id"), balance__isnull=False),
                name="points_account_fan_or_system",
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.id)


class Transfer(models.Model):
    """One movement of points, identified by its reason (`kind`) and its `reference`."""

    id = UUID7Field()
    kind = models.CharField(
        max_length=20, choices=[(kind.value, KIND_NAMES[kind]) for kind in TransferKind]
    )
    reference = models.UUIDField()
    currency = models.CharField(max_length=3, default=DEFAULT_CURRENCY)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = text(en="points transfer", ko="포인트 이동")
        verbose_name_plural = text(en="points transfers", ko="포인트 이동")
        constraints = [
            models.UniqueConstraint(fields=["kind", "reference"], name=TRANSFER_ONCE),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class Entry(models.Model):
    """The line that one transfer adds to one account."""

    id = UUID7Field()
    transfer = models.ForeignKey(
        Transfer, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    # No constraint: each entry would lock the system account's row in shared mode, and thousands
    # of sharers of one row are slow (multixacts). Accounts are never deleted.
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="entries",
        db_constraint=False,
        db_index=False,
    )
    amount = models.BigIntegerField(
        help_text=text(
            en="Points; positive adds to the account", ko="포인트. 양수면 계정에 더해집니다."
        )
    )
    balance_after = models.BigIntegerField(
        null=True, blank=True, help_text=text(en="On fans' accounts", ko="회원 계정에만 있음")
    )

    class Meta:
        verbose_name = text(en="points entry", ko="포인트 내역")
        verbose_name_plural = text(en="points entries", ko="포인트 내역")
        constraints = [
            models.UniqueConstraint(fields=["transfer", "account"], name="points_entry_once"),
            models.CheckConstraint(condition=~Q(amount=0), name="points_entry_moves_something"),
        ]
        indexes = [models.Index(fields=["account", "id"], name="points_entry_by_account")]

    def __str__(self) -> str:
        return f"{self.amount:+d}"

    @property
    def money(self) -> Money:
        """The signed amount."""
        return Money(self.amount, self.transfer.currency)

    @property
    def money_after(self) -> Money | None:
        """The fan's balance after it."""
        if self.balance_after is None:
            return None
        return Money(self.balance_after, self.transfer.currency)
