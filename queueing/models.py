"""How each waiting room is run, and what PostgreSQL keeps of its progress."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from concerts.models import Performance
from kernel.i18n import text
from queueing import policy


def _within(bounds: tuple[Any, Any]) -> list[Callable[[Any], None]]:
    return [MinValueValidator(bounds[0]), MaxValueValidator(bounds[1])]


class QueueConfig(models.Model):
    """The rules of one performance's waiting room. Versioned, audited, mirrored to Redis.

    PRESALE opens by time: the room is OPEN from `admission_opens_at` on (or from `queue_opens_at`
    where that is empty), without anybody's help. The other states are set by staff.
    """

    class State(models.TextChoices):
        PRESALE = "PRESALE"
        OPEN = "OPEN"
        PAUSED = "PAUSED"
        DRAINING = "DRAINING"
        CLOSED = "CLOSED"

    performance = models.OneToOneField(
        Performance, on_delete=models.PROTECT, primary_key=True, related_name="queue_config"
    )
    queue_required = models.BooleanField(default=True)
    queue_opens_at = models.DateTimeField(help_text="Joins are accepted from here on.")
    admission_opens_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Nobody is admitted before; normally the opening of the sale. "
        "Empty: together with the queue.",
    )
    rate_per_second = models.DecimalField(
        max_digits=7,
        decimal_places=2,
        default=policy.RATE_PER_SECOND,
        validators=_within(policy.RATE_BOUNDS),
    )
    capacity = models.PositiveIntegerField(
        default=policy.CAPACITY,
        validators=_within(policy.CAPACITY_BOUNDS),
        help_text="Fans admitted at the same time.",
    )
    grace_seconds = models.PositiveIntegerField(
        default=policy.GRACE_SECONDS,
        validators=_within(policy.GRACE_BOUNDS),
        help_text="An admitted fan who doesn't come loses the place after this time.",
    )
    session_seconds = models.PositiveIntegerField(
        default=policy.SESSION_SECONDS, validators=_within(policy.SESSION_BOUNDS)
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.PRESALE)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        verbose_name = text(en="waiting room", ko="대기실")
        verbose_name_plural = text(en="waiting rooms", ko="대기실")
        constraints = [
            models.CheckConstraint(
                condition=Q(admission_opens_at__isnull=True)
                | Q(queue_opens_at__lte=F("admission_opens_at")),
                name="queueing_config_joins_before_admission",
            ),
            models.CheckConstraint(
                condition=Q(rate_per_second__range=policy.RATE_BOUNDS),
                name="queueing_config_rate_bounds",
            ),
            models.CheckConstraint(
                condition=Q(capacity__range=policy.CAPACITY_BOUNDS),
                name="queueing_config_capacity_bounds",
            ),
            models.CheckConstraint(
                condition=Q(grace_seconds__range=policy.GRACE_BOUNDS),
                name="queueing_config_grace_bounds",
            ),
            models.CheckConstraint(
                condition=Q(session_seconds__range=policy.SESSION_BOUNDS),
                name="queueing_config_session_bounds",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["PRESALE", "OPEN", "PAUSED", "DRAINING", "CLOSED"]),
                name="queueing_config_state_known",
            ),
        ]

    def __str__(self) -> str:
        return f"waiting room v{self.version}"

    @property
    def admits_from(self) -> datetime:
        """The moment from which fans are admitted."""
        return self.admission_opens_at or self.queue_opens_at

    def state_at(self, now: datetime) -> str:
        """Return the state in force: PRESALE becomes OPEN by time alone."""
        if self.state == self.State.PRESALE and now >= self.admits_from:
            return self.State.OPEN
        return self.state


class QueueProgress(models.Model):
    """What must outlive the queue server.

    Numbers up to `number_ceiling` may have been given; `serving` is the highest number known to
    have been admitted; `epoch` counts the times the server's state was begun anew.
    """

    performance = models.OneToOneField(
        Performance, on_delete=models.PROTECT, primary_key=True, related_name="queue_progress"
    )
    number_ceiling = models.PositiveBigIntegerField(default=0)
    serving = models.PositiveBigIntegerField(default=0)
    epoch = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = text(en="waiting room progress", ko="대기실 진행 상황")
        verbose_name_plural = text(en="waiting room progress", ko="대기실 진행 상황")
        constraints = [
            models.CheckConstraint(
                condition=Q(serving__lte=F("number_ceiling")),
                name="queueing_progress_serving_within_ceiling",
            ),
        ]

    def __str__(self) -> str:
        return f"serving {self.serving}, epoch {self.epoch}"
