"""What a draw was committed to before the opening, and who was drawn (Note [Draw] in README.md)."""

import secrets

from django.db import models
from django.db.models import F, Q

from concerts.models import Performance
from kernel.i18n import text
from queueing import draw


def new_seed() -> str:
    """Return a seed that nobody knows: 128 bits, as 32 hex digits."""
    return secrets.token_hex(16)


class DrawCommitment(models.Model):
    """The seed that a room's draw was committed to, and the beacon to be mixed in.

    Nothing of it changes once the first number is drawn. The beacon is announced before its value
    exists (`beacon_published_at`), so that who chose the seed could not choose the permutation.
    """

    performance = models.OneToOneField(
        Performance, on_delete=models.PROTECT, primary_key=True, related_name="queue_draw"
    )
    draw_seed = models.CharField(max_length=32)
    commitment = models.CharField(max_length=64)
    committed_at = models.DateTimeField()
    beacon_source = models.CharField(max_length=100, default="", blank=True)
    beacon_round = models.CharField(max_length=100, default="", blank=True)
    beacon_published_at = models.DateTimeField(null=True, blank=True)
    beacon_value = models.CharField(max_length=256, default="", blank=True)
    beacon_entered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = text(en="draw", ko="추첨")
        verbose_name_plural = text(en="draws", ko="추첨")
        constraints = [
            models.CheckConstraint(
                condition=Q(beacon_published_at__isnull=True)
                | Q(committed_at__lt=F("beacon_published_at")),
                name="queueing_draw_committed_before_beacon",
            ),
            models.CheckConstraint(
                condition=Q(beacon_value="", beacon_entered_at__isnull=True)
                | Q(
                    beacon_published_at__isnull=False,
                    beacon_entered_at__isnull=False,
                    beacon_entered_at__gte=F("beacon_published_at"),
                ),
                name="queueing_draw_beacon_announced_before_value",
            ),
        ]

    def __str__(self) -> str:
        return f"draw {self.commitment[:12]}"

    @property
    def key(self) -> str:
        """What keys the permutation, by what is here now."""
        return draw.key_of(self.draw_seed, self.beacon_value)


class DrawRoster(models.Model):
    """Who was drawn, in the order of joining: `draw.LINE_BYTES` each, no person in it."""

    performance = models.OneToOneField(
        Performance, on_delete=models.PROTECT, primary_key=True, related_name="queue_roster"
    )
    lines = models.BinaryField()
    lines_sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    class Meta:
        verbose_name = text(en="roster of a draw", ko="추첨 명부")
        verbose_name_plural = text(en="rosters of draws", ko="추첨 명부")

    def __str__(self) -> str:
        return f"roster {self.lines_sha256[:12]}"
