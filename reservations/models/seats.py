"""The sale state of each seat."""

from django.db import models
from django.db.models import Q

from concerts.models import Performance, Seat
from kernel.i18n import text


class SeatInventory(models.Model):
    """The sale state of one seat. This row is the lock that counts.

    `held_until` is the deadline that counts (Note [Hold deadline]): a seat TEMPORARILY_RESERVED
    with `held_until <= now` is free to the next claim, with no job in between.
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
                name="reservations_inventory_state_consistent",
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
