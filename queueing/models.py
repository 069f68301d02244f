"""Waiting rooms as rows: how each is run, its progress, and its invitations."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from concerts.models import Performance
from kernel.db.fields import UUID7Field
from kernel.i18n import text
from queueing import policy
from queueing.draw_models import DrawCommitment as DrawCommitment  # noqa: PLC0414  (exported)
from queueing.draw_models import DrawRoster as DrawRoster  # noqa: PLC0414


def _within(bounds: tuple[Any, Any]) -> list[Callable[[Any], None]]:
    return [MinValueValidator(bounds[0]), MaxValueValidator(bounds[1])]


class RoomState(models.TextChoices):
    """What a waiting room does; the table of what each allows is STATE in lua/queue_room.lua."""

    PRESALE = "PRESALE", text(en="Presale", ko="사전 대기")
    OPEN = "OPEN", text(en="Open", ko="입장 중")
    PAUSED = "PAUSED", text(en="Paused", ko="일시 중지")
    DRAINING = "DRAINING", text(en="Draining", ko="마감 중")
    CLOSED = "CLOSED", text(en="Closed", ko="종료")


class AbuseCheck(models.TextChoices):
    """What a room asks of who wants a place (Note [Abuse checks] in abuse.py)."""

    OFF = "OFF", text(en="Off", ko="사용 안 함")
    PROOF_OF_WORK = "PROOF_OF_WORK", text(en="Proof Of Work", ko="작업 증명")
    TURNSTILE = "TURNSTILE", text(en="Turnstile", ko="턴스타일(Turnstile)")


class QueueConfig(models.Model):
    """The rules of one performance's waiting room. Versioned, audited, mirrored to Redis.

    PRESALE opens by time: the room is OPEN from `admission_opens_at` on (or from `queue_opens_at`
    where that is empty), without anybody's help. The other states are set by staff.
    """

    performance = models.OneToOneField(
        Performance, on_delete=models.PROTECT, primary_key=True, related_name="queue_config"
    )
    queue_required = models.BooleanField(default=True)
    queue_opens_at = models.DateTimeField(
        help_text=text(
            en="Joins are accepted from here on.", ko="이 시각부터 대기열에 들어올 수 있습니다."
        )
    )
    admission_opens_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=text(
            en="Nobody is admitted before; normally the opening of the sale. "
            "Empty: together with the queue.",
            ko="이전에는 아무도 입장하지 못합니다. 보통 판매 시작 시각이며, "
            "비우면 대기열과 함께 열립니다.",
        ),
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
        help_text=text(
            en="Fans admitted at the same time.", ko="동시에 입장할 수 있는 인원입니다."
        ),
    )
    grace_seconds = models.PositiveIntegerField(
        default=policy.GRACE_SECONDS,
        validators=_within(policy.GRACE_BOUNDS),
        help_text=text(
            en="An admitted fan who doesn't come loses the place after this time.",
            ko="입장 차례가 된 뒤 이 시간 안에 오지 않으면 자리를 잃습니다.",
        ),
    )
    session_seconds = models.PositiveIntegerField(
        default=policy.SESSION_SECONDS, validators=_within(policy.SESSION_BOUNDS)
    )
    state = models.CharField(max_length=8, choices=RoomState.choices, default=RoomState.PRESALE)
    joins_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=text(
            en="Joins of one person; empty: the site's limit, 0: no limit.",
            ko="한 사람의 진입 횟수. 비우면 사이트 기본값, 0이면 제한 없음.",
        ),
    )
    joins_per_minute_per_address = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=text(
            en="Joins from one address; empty: the site's limit, 0: no limit.",
            ko="한 주소의 진입 횟수. 비우면 사이트 기본값, 0이면 제한 없음.",
        ),
    )
    expected_fans = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=text(
            en="Operators prepare for so many; it limits nobody. Empty: not known.",
            ko="운영팀이 이 인원에 맞춰 준비하며, 제한은 아닙니다. 모르면 비워 두세요.",
        ),
    )
    accounts_per_address = models.PositiveIntegerField(
        default=0,
        help_text=text(
            en="People who may join from one address; 0: no limit. Whole networks may stand "
            "behind one address.",
            ko="한 주소에서 들어올 수 있는 인원. 0이면 제한 없음. "
            "한 주소를 여러 사람이 함께 쓸 수 있습니다.",
        ),
    )
    abuse_check = models.CharField(
        max_length=16, choices=AbuseCheck.choices, default=AbuseCheck.OFF
    )
    work_bits = models.PositiveSmallIntegerField(
        default=policy.WORK_BITS,
        validators=_within(policy.WORK_BITS_BOUNDS),
        help_text=text(
            en="Of a proof of work; each bit more doubles it.",
            ko="작업 증명의 난이도. 1비트마다 두 배가 됩니다.",
        ),
    )
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
                condition=Q(state__in=RoomState.values),
                name="queueing_config_state_known",
            ),
            models.CheckConstraint(
                condition=Q(abuse_check__in=AbuseCheck.values),
                name="queueing_config_abuse_check_known",
            ),
            models.CheckConstraint(
                condition=Q(work_bits__range=policy.WORK_BITS_BOUNDS),
                name="queueing_config_work_bits_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"waiting room v{self.version}"

    @property
    def admits_from(self) -> datetime:
        """The moment from which fans are admitted."""
        return self.admission_opens_at or self.queue_opens_at


class QueueProgress(models.Model):
    """What must outlive the queue server, and when the tick looks after the room next.

    Numbers up to `number_ceiling` may have been given; `serving` is the highest number known to
    have been admitted, `called` what it was at least a grace ago (`calling`, since `calling_at`, is
    the next). `epoch` counts the times the server's state was begun, the last time for the gap
    `epoch_gap` with the numbers after `epoch_start` (Note [One server a room]). `advanced_at` is
    when the epoch in force was last seen at work, with `crowd` people waiting or admitted.
    `draw_seed` is what keys the draw, from its first number on (`DrawCommitment.key` then), and
    `drawn` how many turns of it were taken by then.
    """

    performance = models.OneToOneField(
        Performance, on_delete=models.PROTECT, primary_key=True, related_name="queue_progress"
    )
    number_ceiling = models.PositiveBigIntegerField(default=0)
    serving = models.PositiveBigIntegerField(default=0)
    epoch = models.PositiveIntegerField(default=0)
    epoch_gap = models.CharField(max_length=80, default="", db_default="", blank=True)
    epoch_start = models.PositiveBigIntegerField(default=0, db_default=0)
    called = models.PositiveBigIntegerField(default=0, db_default=0)
    calling = models.PositiveBigIntegerField(default=0, db_default=0)
    calling_at = models.DateTimeField(null=True, blank=True)
    advanced_at = models.DateTimeField(null=True, blank=True)
    advance_due_at = models.DateTimeField(default=policy.DUE_AT_ONCE, db_default=policy.DUE_AT_ONCE)
    crowd = models.PositiveIntegerField(default=0, db_default=0)
    draw_seed = models.CharField(max_length=32, default="", blank=True)
    draw_start = models.PositiveBigIntegerField(default=0)
    draw_ceiling = models.PositiveBigIntegerField(default=0)
    drawn = models.PositiveBigIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name = text(en="waiting room progress", ko="대기실 진행 상황")
        verbose_name_plural = text(en="waiting room progress", ko="대기실 진행 상황")
        constraints = [
            models.CheckConstraint(
                condition=Q(serving__lte=F("number_ceiling")),
                name="queueing_progress_serving_within_ceiling",
            ),
        ]
        indexes = [
            models.Index(fields=["advance_due_at", "performance"], name="queueing_progress_due")
        ]

    def __str__(self) -> str:
        return f"serving {self.serving}, epoch {self.epoch}"

    @property
    def draw_is_over(self) -> bool:
        """Whether nothing will be drawn any more, so that the seed may be shown.

        Not yet at the opening: a room set back to PRESALE goes on drawing until one of the drawn
        has been admitted. Where nothing was drawn before anybody was admitted, nothing will be.
        """
        return self.serving > (self.draw_start if self.draw_seed else 0)


class Invitation(models.Model):
    """A code that lets its holders in ahead of the line; the code is this row's key, signed."""

    id = UUID7Field(primary_key=True)
    performance = models.ForeignKey(
        Performance, on_delete=models.PROTECT, related_name="queue_invitations"
    )
    label = models.CharField(
        max_length=100,
        help_text=text(
            en="For whom, as staff know it.", ko="누구를 위한 초대인지 직원이 알아볼 이름."
        ),
    )
    uses_allowed = models.PositiveIntegerField(default=1)
    uses = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = text(en="invitation", ko="초대")
        verbose_name_plural = text(en="invitations", ko="초대")
        constraints = [
            models.CheckConstraint(
                condition=Q(uses__lte=F("uses_allowed")), name="queueing_invitation_uses_limited"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.uses}/{self.uses_allowed}"

    def is_good(self, now: datetime) -> bool:
        """Return whether it may be used at `now`, uses aside."""
        return self.revoked_at is None and now < self.expires_at


class InvitationUse(models.Model):
    """One person's use of an invitation; there is one at most."""

    id = UUID7Field(primary_key=True)
    invitation = models.ForeignKey(Invitation, on_delete=models.PROTECT, related_name="redeemed")
    user_id = models.UUIDField()
    used_at = models.DateTimeField()

    class Meta:
        verbose_name = text(en="use of an invitation", ko="초대 사용")
        verbose_name_plural = text(en="uses of invitations", ko="초대 사용")
        constraints = [
            models.UniqueConstraint(
                fields=["invitation", "user_id"], name="queueing_invitation_once_a_person"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.used_at:%Y-%m-%d %H:%M}"
