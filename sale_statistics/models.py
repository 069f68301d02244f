"""Sales figures, counted from events and never read from the tables they describe."""

from django.db import models

from concerts.models import Performance
from kernel.db.fields import UUID7Field
from kernel.i18n import text
from kernel.money import DEFAULT_CURRENCY, Money


class HourlySales(models.Model):
    """What one performance sold in one UTC hour, each event counted when it happened."""

    id = UUID7Field()
    # No constraint: counting must not stop because of a row that it only names.
    performance = models.ForeignKey(
        Performance, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    hour = models.DateTimeField(
        help_text=text(en="Start of the hour, UTC", ko="해당 시간대의 시작(UTC)")
    )
    held = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text=text(en="Holds begun, sold or not", ko="판매 여부와 무관한 선점 시작 수"),
    )
    reservations = models.PositiveIntegerField()
    seats = models.PositiveIntegerField()
    amount = models.PositiveBigIntegerField(
        help_text=text(en="Minor units", ko="통화의 최소 단위(원)")
    )
    currency = models.CharField(max_length=3, default=DEFAULT_CURRENCY)

    class Meta:
        verbose_name = text(en="hourly sales", ko="시간별 판매")
        verbose_name_plural = text(en="hourly sales", ko="시간별 판매")
        constraints = [
            models.UniqueConstraint(
                fields=["performance", "hour", "currency"], name="statistics_hour_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}h {self.amount} {self.currency}"

    @property
    def money(self) -> Money:
        """The hour's turnover."""
        return Money(self.amount, self.currency)

    @property
    def conversion(self) -> float | None:
        """How many holds of the hour became sales, 0 to 1; None where none began.

        Holds of the end of an hour are sold in the next, so it may be above 1 for an hour.
        """
        return self.reservations / self.held if self.held else None


class HourlyPoints(models.Model):
    """How many points fans bought and spent in one UTC hour."""

    id = UUID7Field()
    hour = models.DateTimeField(
        help_text=text(en="Start of the hour, UTC", ko="해당 시간대의 시작(UTC)")
    )
    currency = models.CharField(max_length=3, default=DEFAULT_CURRENCY)
    charges = models.PositiveIntegerField()
    charged = models.PositiveBigIntegerField(
        help_text=text(en="Minor units", ko="통화의 최소 단위(원)")
    )
    payments = models.PositiveIntegerField()
    spent = models.PositiveBigIntegerField(
        help_text=text(en="Minor units", ko="통화의 최소 단위(원)")
    )

    class Meta:
        verbose_name = text(en="hourly points", ko="시간별 포인트")
        verbose_name_plural = text(en="hourly points", ko="시간별 포인트")
        constraints = [
            models.UniqueConstraint(
                fields=["hour", "currency"], name="statistics_points_hour_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}h +{self.charged} -{self.spent} {self.currency}"
