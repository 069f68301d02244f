"""Which concerts, performances and seats exist: static data that staff prepare before a sale."""

from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from concerts.errors import DoorsAfterStart
from concerts.poster_models import Poster as Poster  # noqa: PLC0414  (exported)
from concerts.upload_models import LayoutUpload as LayoutUpload  # noqa: PLC0414  (exported)
from concerts.upload_models import LayoutUploadPart as LayoutUploadPart  # noqa: PLC0414  (exported)
from kernel.db.fields import CodeField, NameField, ProseField, UUID7Field
from kernel.db.spelling import Folded, keeps_codes
from kernel.i18n import localized, text
from kernel.money import DEFAULT_CURRENCY, Money


def is_public_concert(prefix: str = "") -> Q:
    """Return the one predicate of what the public may see; `prefix` leads to the concert.

    Every public query goes through it, so that a draft can't slip out by one of them.
    """
    return Q(**{f"{prefix}published_at__isnull": False, f"{prefix}deleted_at__isnull": True})


def is_public_performance(prefix: str = "") -> Q:
    """Return the same of a performance: neither deleted nor of a draft."""
    return is_public_concert(f"{prefix}concert__") & Q(**{f"{prefix}deleted_at__isnull": True})


def validate_timezone(name: str) -> None:
    """Refuse a name that isn't an IANA time zone."""
    if name not in available_timezones():
        raise ValidationError(text(en="Not an IANA time zone.", ko="올바른 시간대가 아닙니다."))


class ConcertQuerySet(models.QuerySet["Concert"]):
    """Concerts as the public may see them."""

    def public(self) -> "ConcertQuerySet":
        """Leave out drafts and deleted ones."""
        return self.filter(is_public_concert())


class PerformanceQuerySet(models.QuerySet["Performance"]):
    """Performances as the public may see them."""

    def public(self) -> "PerformanceQuerySet":
        """Leave out deleted ones and those of drafts."""
        return self.filter(is_public_performance())


class Venue(models.Model):
    """A hall."""

    id = UUID7Field()
    name_ko = NameField(max_length=200)
    name_en = NameField(max_length=200, blank=True)
    address_ko = NameField(max_length=300, blank=True)
    address_en = NameField(max_length=300, blank=True)
    timezone = models.CharField(
        max_length=64,
        default="Asia/Seoul",
        validators=[validate_timezone],
        help_text=text(en="IANA name", ko="IANA 시간대 이름"),
    )
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = text(en="venue", ko="공연장")
        verbose_name_plural = text(en="venues", ko="공연장")

    def __str__(self) -> str:
        return localized(self, "name")


class Concert(models.Model):
    """A production; it is invisible to the API until it is published."""

    id = UUID7Field()
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="concerts")
    title_ko = NameField(max_length=200)
    title_en = NameField(max_length=200, blank=True)
    artist_ko = NameField(max_length=200)
    artist_en = NameField(max_length=200, blank=True)
    description_ko = ProseField(blank=True)
    description_en = ProseField(blank=True)
    notices_ko = ProseField(blank=True)
    notices_en = ProseField(blank=True)
    refund_policy_ko = ProseField(blank=True)
    refund_policy_en = ProseField(blank=True)
    poster = models.ForeignKey(
        Poster,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="concerts",
    )
    # A picture elsewhere, from before posters were uploaded: for staff to replace, on no page.
    poster_url = models.URLField(max_length=500, blank=True, editable=False)
    age_rating = models.CharField(max_length=20, blank=True)
    running_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ConcertQuerySet.as_manager()

    class Meta:
        verbose_name = text(en="concert", ko="공연")
        verbose_name_plural = text(en="concerts", ko="공연")

    def __str__(self) -> str:
        return localized(self, "title")


class Performance(models.Model):
    """One date of a concert. Its windows belong to the queue and sale policies."""

    class Status(models.TextChoices):
        SCHEDULED = "SCHEDULED", text(en="Scheduled", ko="예정")
        POSTPONED = "POSTPONED", text(en="Postponed", ko="연기")
        CANCELLED = "CANCELLED", text(en="Cancelled", ko="취소")

    # What staff edit and the public sees as it is: the admin, documents and schema follow.
    PUBLIC_FIELDS = ("starts_at", "doors_open_at")

    id = UUID7Field()
    concert = models.ForeignKey(Concert, on_delete=models.PROTECT, related_name="performances")
    starts_at = models.DateTimeField()
    doors_open_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.SCHEDULED)
    refund_until = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=text(
            en="Until then bought seats are given back without a fee, as it was postponed.",
            ko="연기된 회차의 예매를 이때까지 수수료 없이 취소할 수 있습니다.",
        ),
    )
    layout_version = models.PositiveIntegerField(default=0, editable=False)
    # Corners [x, y] in the units of the layout; null: the map puts a stage before the seats.
    stage_outline = models.JSONField(null=True, blank=True, editable=False)
    layout_frozen_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PerformanceQuerySet.as_manager()

    class Meta:
        verbose_name = text(en="performance", ko="회차")
        verbose_name_plural = text(en="performances", ko="회차")
        constraints = [
            models.CheckConstraint(
                condition=Q(doors_open_at__isnull=True) | Q(doors_open_at__lte=F("starts_at")),
                name="concerts_performance_doors_before_start",
                violation_error_message=DoorsAfterStart.message,
            ),
        ]

    def __str__(self) -> str:
        zone = ZoneInfo(self.concert.venue.timezone)
        return f"{self.concert} {self.starts_at.astimezone(zone):%Y-%m-%d %H:%M}"

    def is_public(self) -> bool:
        """Say whether the API shows it (reads `concert`)."""
        return (
            self.deleted_at is None
            and self.concert.deleted_at is None
            and self.concert.published_at is not None
        )

    def is_given_back_freely(self, now: datetime) -> bool:
        """Say whether its refund window is open; without an end, while it is postponed."""
        if self.refund_until is not None:
            return now < self.refund_until
        return self.status == self.Status.POSTPONED

    def has_started(self, now: datetime) -> bool:
        """Say whether the performance has begun."""
        return self.starts_at <= now


class PriceGrade(models.Model):
    """A price category of one performance, such as VIP or R."""

    id = UUID7Field()
    performance = models.ForeignKey(Performance, on_delete=models.PROTECT, related_name="grades")
    code = CodeField(max_length=20)
    name_ko = NameField(max_length=100)
    name_en = NameField(max_length=100, blank=True)
    price = models.PositiveBigIntegerField(
        help_text=text(en="Minor units", ko="통화의 최소 단위(원)")
    )
    currency = models.CharField(max_length=3, default=DEFAULT_CURRENCY)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = text(en="price grade", ko="좌석 등급")
        verbose_name_plural = text(en="price grades", ko="좌석 등급")
        constraints = [
            models.UniqueConstraint(
                fields=["performance", "code"], name="concerts_grade_code_unique"
            ),
            models.UniqueConstraint(
                "performance", Folded("code"), name="concerts_grade_code_reads_once"
            ),
            keeps_codes("code", name="concerts_grade_code_canonical"),
        ]

    def __str__(self) -> str:
        return str(self.code)

    @property
    def money(self) -> Money:
        """The price as money."""
        return Money(self.price, self.currency)


class Section(models.Model):
    """A named block of seats of one price grade; its focal point is where the best view is."""

    id = UUID7Field()
    performance = models.ForeignKey(Performance, on_delete=models.PROTECT, related_name="sections")
    grade = models.ForeignKey(PriceGrade, on_delete=models.PROTECT, related_name="sections")
    code = CodeField(max_length=20)
    name_ko = NameField(max_length=100)
    name_en = NameField(max_length=100, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    focal_x = models.FloatField(null=True, blank=True)
    focal_y = models.FloatField(null=True, blank=True)
    # Corners [x, y]; null: a shape around the seats.
    outline = models.JSONField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = text(en="section", ko="구역")
        verbose_name_plural = text(en="sections", ko="구역")
        constraints = [
            models.UniqueConstraint(
                fields=["performance", "code"], name="concerts_section_code_unique"
            ),
            models.UniqueConstraint(
                "performance", Folded("code"), name="concerts_section_code_reads_once"
            ),
            keeps_codes("code", name="concerts_section_code_canonical"),
        ]

    def __str__(self) -> str:
        return str(self.code)


class Seat(models.Model):
    """One chair. `index` is its position in the layout and in the availability string."""

    id = UUID7Field()
    performance = models.ForeignKey(Performance, on_delete=models.PROTECT, related_name="seats")
    section = models.ForeignKey(Section, on_delete=models.PROTECT, related_name="seats")
    row = CodeField(max_length=10)
    number = CodeField(max_length=10)
    index = models.PositiveIntegerField()
    x = models.FloatField()
    y = models.FloatField()
    accessible = models.BooleanField(default=False)

    class Meta:
        verbose_name = text(en="seat", ko="좌석")
        verbose_name_plural = text(en="seats", ko="좌석")
        constraints = [
            models.UniqueConstraint(
                "section", Folded("row"), Folded("number"), name="concerts_seat_reads_once"
            ),
            keeps_codes("row", "number", name="concerts_seat_codes_canonical"),
            models.UniqueConstraint(
                fields=["performance", "index"], name="concerts_seat_index_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.row}-{self.number}"


class StaleDocument(models.Model):
    """What a cached document depends on has changed (Note [Invalidations kept], store.py)."""

    id = UUID7Field()
    name = models.CharField(max_length=100)

    class Meta:
        verbose_name = text(en="stale document", ko="만료된 문서")
        verbose_name_plural = text(en="stale documents", ko="만료된 문서")

    def __str__(self) -> str:
        return self.name
