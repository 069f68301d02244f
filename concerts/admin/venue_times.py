"""Times of a performance in the staff's forms and lists: those of its venue.

Note [Times of the venue]
Staff type what the poster says. So a page about one performance, or one concert, is made and read
in the zone of its venue, which each field names; a list names the offset in every line. A time that
the zone skips, or has twice, is asked back: an offset typed behind it (`01:30 -05:00`) chooses.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from datetime import timezone as fixed
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from concerts.models import Venue
from concerts.times import offset_of, shown
from kernel.i18n import text

_OFFSET = re.compile(r"\s*(?:UTC)?([+-])(\d\d):?([0-5]\d)$", re.ASCII)


def venue_time(
    name: str, description: Any, *, relation: str = "performance"
) -> Callable[[Any, Any], str]:
    """Return a column that shows the time `name` of a row in the zone of its venue.

    `relation` leads from the row to its performance; empty where the row is one.
    """

    @admin.display(description=description, ordering=name)
    def column(self: Any, row: Any) -> str:
        performance = getattr(row, relation) if relation else row
        return shown(getattr(row, name), performance.concert.venue.timezone)

    return column


class VenueTimeWidget(AdminSplitDateTime):
    """Shows the offset of a time that the zone has twice; each of its fields says what it is."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Return what the template shows, with the words beside the fields as their labels."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        for part, label in zip(context["widget"]["subwidgets"], ("date", "time"), strict=True):
            part["attrs"]["aria-label"] = str(context[f"{label}_label"]).rstrip(":")
        return context

    def decompress(self, value: Any) -> Any:
        """Return the date and the time in the zone of the page."""
        if not isinstance(value, datetime):
            return [None, None]
        local = timezone.localtime(value)
        wall: Any = local.time()
        if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
            wall = f"{wall:%H:%M:%S} {offset_of(local)}"
        return [local.date(), wall]


class _OffsetTimeField(forms.TimeField):
    """A time, with an offset behind it or without."""

    def to_python(self, value: Any) -> time | None:
        found = _OFFSET.search(value.strip()) if isinstance(value, str) else None
        if found is None:
            plain: time | None = super().to_python(value)
            return plain
        wall = super().to_python(value.strip()[: found.start()])
        offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
        if wall is None or offset >= timedelta(days=1):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return wall.replace(tzinfo=fixed(offset if found[1] == "+" else -offset))


class VenueTimeField(forms.SplitDateTimeField):
    """A moment, typed as the clock of the page's zone shows it."""

    widget = VenueTimeWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.fields = (self.fields[0], _OffsetTimeField(required=False))

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare moments, not their spellings."""
        try:
            return bool(self.clean(data) != initial)
        except ValidationError:
            return True

    def compress(self, data_list: Any) -> datetime | None:
        """Return the moment; raises `ValidationError` where the clock shows it never or twice."""
        if not data_list:
            return None
        day, wall = data_list
        if day in self.empty_values:
            raise ValidationError(self.error_messages["invalid_date"], code="invalid_date")
        if wall in self.empty_values:
            raise ValidationError(self.error_messages["invalid_time"], code="invalid_time")
        zone = timezone.get_current_timezone()
        naive = datetime.combine(day, wall.replace(tzinfo=None))
        found = _readings(naive, zone)
        if wall.tzinfo is not None:
            chosen = naive.replace(tzinfo=wall.tzinfo)
            found = [one for one in found if one == chosen]
        if len(found) != 1:
            raise ValidationError(_question(naive, zone), code="no_such_time")
        return found[0]


def _named(zone: Any) -> str:
    """Return the name of a zone with its offsets, in winter and in summer."""
    year = timezone.now().year
    days = (datetime(year, month, 1, tzinfo=zone) for month in (1, 7))
    return f"{zone}, UTC{'/'.join(dict.fromkeys(offset_of(day) for day in days))}"


def _readings(naive: datetime, zone: Any) -> list[datetime]:
    """Return the moments at which the zone's clock shows `naive`: one, none or two."""
    try:
        both = [naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        real = [one for one in both if one.astimezone(zone).replace(tzinfo=None) == naive]
    except OverflowError:
        return []
    return sorted(set(real))


def _question(naive: datetime, zone: Any) -> Any:
    found = [one.astimezone(zone) for one in _readings(naive, zone)]
    name, wall = timezone.get_current_timezone_name(), f"{naive:%H:%M}"
    if len(found) == 2:
        first, second = (f"{wall} {offset_of(one)}" for one in found)
        return text(
            en=f"{wall} comes twice that day ({name}). Type {first} or {second}.",
            ko=f"이 날에는 {wall}이 두 번 있습니다({name}). {first} 또는 {second}로 입력해 주세요.",
        )
    if found:
        right = offset_of(found[0])
        return text(
            en=f"The offset at that time is {right} ({name}).",
            ko=f"그 시각의 UTC 차이는 {right}입니다({name}).",
        )
    return text(
        en=f"{wall} does not exist that day ({name}): the clocks go forward. Type another time.",
        ko=f"이 날에는 {wall}이 없습니다({name}). 시계가 앞당겨집니다. 다른 시각을 입력해 주세요.",
    )


class VenueTimeFields:
    """Forms whose times are typed in the zone of the page (a mixin of admins and inlines)."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Name the zone at every time."""
        if not isinstance(db_field, models.DateTimeField):
            return super().formfield_for_dbfield(db_field, request, **options)  # type: ignore[misc]
        field: Any = db_field.formfield(form_class=VenueTimeField, widget=VenueTimeWidget())
        zone = getattr(request, "zone_shown", "")
        field.help_text = " ".join(filter(None, (str(field.help_text), zone)))
        return field


class VenueTimes(VenueTimeFields):
    """Pages made and read in the zone of the row's venue (a mixin of `ModelAdmin`)."""

    venue_path = "concerts__performances"  # from a venue to the page's row
    named_by = "performance"  # the form's field, where the row is to be added
    named_path = "concerts__performances"  # from a venue to what that field names

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Show and read the form in the venue's zone."""
        return self._in_zone(super().changeform_view, request, *args, **kwargs)  # type: ignore[misc]

    def history_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Show what was done in the venue's zone."""
        return self._in_zone(super().history_view, request, *args, **kwargs)  # type: ignore[misc]

    def _in_zone(
        self, view: Callable[..., HttpResponseBase], request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        key = (args[0] if args else kwargs.get("object_id")) or None
        name = self._zone(request, key)
        with timezone.override(name or timezone.get_default_timezone_name()):
            request.zone_shown = _named(timezone.get_current_timezone())  # type: ignore[attr-defined]
            response = view(request, *args, **kwargs)
            getattr(response, "render", lambda: None)()
        return response

    def _zone(self, request: HttpRequest, key: str | None) -> str | None:
        """Return the zone of the row's venue, or of what a new row's form names."""
        path = self.venue_path
        if key is None:
            key = request.POST.get(self.named_by) or request.GET.get(self.named_by)
            path = self.named_path
        try:
            wanted = UUID(str(key))
        except ValueError:
            return None
        row = Venue.objects.filter(**{f"{path}__pk" if path else "pk": wanted}).first()
        return row.timezone if row else None
