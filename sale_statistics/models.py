"""Sales figures, counted from events and never read from the tables they describe."""

from django.db import models

from concerts.models import Performance
from kernel.db.fields import UUID7Field
from kernel.i18n import text
from kernel.money import DEFAULT_CURRENCY, Money


class HourlySales(models.Model):
    """What one performance sold in one UTC hour, by the time of confirmation."""

    id = UUID7Field()
    # No constraint: counting must not stop because of a row that it only names.
    performance = models.ForeignKey(
        Performance, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    hour = models.DateTimeField(
        help_text=text(en="Start of the hour, UTC", ko="해당 시간대의 시작(UTC)")
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
