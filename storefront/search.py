"""The search form of the home page: a wrong filter says so beside its field and is left out."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils import timezone

from catalogue.queries import ConcertFilter
from kernel.i18n import text
from kernel.text.spelling import composed

ON_SALE = "on_sale"
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class SearchForm(forms.Form):
    """Words, a state and days; all may be left out."""

    search = forms.CharField(
        label=text(en="Title, artist or venue", ko="공연명, 아티스트, 공연장"),
        required=False,
        max_length=100,
    )
    state = forms.ChoiceField(
        label=text(en="Sale", ko="판매 상태"),
        required=False,
        choices=[
            ("", text(en="All", ko="전체")),
            (ON_SALE, text(en="On sale now", ko="판매 중")),
        ],
    )
    to = forms.DateField(
        label=text(en="Until", ko="까지"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
    )

    def __init__(self, sent: QueryDict) -> None:
        super().__init__(
            {name: str(value) for name, value in sent.dict().items() if str(value).strip()}
        )
        since = forms.DateField(
            label=text(en="From", ko="부터"),
            required=False,
            widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
            input_formats=["%Y-%m-%d"],
        )
        names = list(self.fields)
        self.fields["from"] = since  # a name that Python keeps for itself
        self.order_fields([*names[:2], "from", "to"])

    def clean_search(self) -> str:
        """Return the words in the one spelling that rows have."""
        return composed(self.cleaned_data["search"])

    def clean(self) -> dict[str, Any]:
        """Say beside the second day that it lies before the first."""
        cleaned = super().clean() or {}
        since, until = cleaned.get("from"), cleaned.get("to")
        if since and until and since > until:
            wrong = text(en="This day lies before the first one.", ko="시작일보다 앞선 날짜입니다.")
            self.add_error("to", str(wrong))
        return cleaned

    @property
    def wanted(self) -> ConcertFilter:
        """The filter that what is right of the form means."""
        self.full_clean()
        right = self.cleaned_data
        return ConcertFilter(
            search=right.get("search", ""),
            on_sale=True if right.get("state") == ON_SALE else None,
            since=_midnight(right.get("from")),
            until=_midnight(right.get("to"), days=1),
        )

    @property
    def query(self) -> str:
        """The query string of what was sent and is known, in one order."""
        return urlencode([(name, self.data[name]) for name in self.fields if name in self.data])


def _midnight(day: date | None, *, days: int = 0) -> datetime | None:
    if day is None:
        return None
    try:
        midnight = timezone.make_aware(datetime.combine(day, time.min) + timedelta(days=days))
        return midnight.astimezone(UTC)
    except OverflowError:
        return _LAST if day.year > 1 else _FIRST
