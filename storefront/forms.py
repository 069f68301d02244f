"""Forms of the way from seats to tickets, judged as the API judges its bodies."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from kernel.i18n import text
from payments import policy
from payments.models import Payment
from reservations.policy import MAX_SEATS_PER_REQUEST

_METHODS = (
    (Payment.Method.POINTS.value, text(en="Points", ko="포인트")),
    (Payment.Method.CARD.value, text(en="Card", ko="카드")),
)
_CHOOSE = text(en="Choose at least one seat.", ko="좌석을 한 개 이상 선택해 주세요.")
_TOO_MANY = text(
    en=f"Choose at most {MAX_SEATS_PER_REQUEST} seats at once.",
    ko=f"한 번에 {MAX_SEATS_PER_REQUEST}석까지 선택할 수 있습니다.",
)
_NO_SEATS = text(
    en="These seats were not recognised. Choose them again from the list.",
    ko="좌석을 확인할 수 없습니다. 목록에서 다시 선택해 주세요.",
)


class SeatsForm(forms.Form):
    """Seats that were ticked: `seat`, as often as there are."""

    seat = forms.Field(required=False)

    def __init__(self, sent: QueryDict | None) -> None:
        super().__init__(sent)
        self._sent = sent

    def clean_seat(self) -> list[UUID]:
        """Return the ids; refuse none, too many, and what is no id."""
        ticked = self._sent.getlist("seat") if self._sent is not None else []
        try:
            ids = list(dict.fromkeys(UUID(one) for one in ticked))
        except ValueError:
            raise forms.ValidationError(str(_NO_SEATS), code="unknown") from None
        if not ids:
            raise forms.ValidationError(str(_CHOOSE), code="none")
        if len(ids) > MAX_SEATS_PER_REQUEST:
            raise forms.ValidationError(str(_TOO_MANY), code="too_many")
        return ids


class BestSeatsForm(forms.Form):
    """A number of seats side by side, of any grade or one."""

    count = forms.IntegerField(
        label=text(en="How many seats", ko="좌석 수"),
        min_value=1,
        max_value=MAX_SEATS_PER_REQUEST,
        initial=2,
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )
    grade = forms.ChoiceField(label=text(en="Price grade", ko="좌석 등급"), required=False)
    accessible = forms.BooleanField(
        label=text(en="Wheelchair-accessible places", ko="휠체어석"), required=False
    )

    def __init__(self, sent: QueryDict | None, *, grades: Sequence[tuple[str, str]]) -> None:
        super().__init__(sent)
        grade = self.fields["grade"]
        assert isinstance(grade, forms.ChoiceField)
        grade.choices = [("", str(text(en="Any", ko="전체"))), *grades]

    def clean_grade(self) -> str | None:
        """Return the grade's code, or None for any."""
        return self.cleaned_data["grade"] or None


class PayForm(forms.Form):
    """How to pay, and the consent."""

    method = forms.ChoiceField(
        label=text(en="Pay by", ko="결제 수단"), choices=_METHODS, widget=forms.RadioSelect
    )
    points_amount = forms.IntegerField(
        label=text(en="Points to use with the card", ko="카드와 함께 쓸 포인트"),
        required=False,
        min_value=0,
        max_value=2**53 - 1,
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )
    agreed = forms.BooleanField(
        label=text(
            en="I have read the refund rules and want to buy these seats.",
            ko="취소·환불 기준을 확인했으며 예매에 동의합니다.",
        ),
        error_messages={
            "required": text(en="Please agree before you pay.", ko="결제하려면 동의가 필요합니다.")
        },
    )

    def __init__(self, sent: QueryDict | None, *, card: bool) -> None:
        super().__init__(sent)
        if not card:
            method = self.fields["method"]
            assert isinstance(method, forms.ChoiceField)
            method.choices = _METHODS[:1]
            del self.fields["points_amount"]
        self.initial["method"] = _METHODS[0][0]

    @property
    def points_part(self) -> int | None:
        """The points part of a card payment; None by points, which pay all."""
        right: dict[str, Any] = self.cleaned_data
        is_card = right["method"] == Payment.Method.CARD
        return (right.get("points_amount") or 0) if is_card else None


class ChargeForm(forms.Form):
    """How many points to buy."""

    amount = forms.IntegerField(
        label=text(en="Points to buy (1 point is 1 won)", ko="충전할 포인트 (1포인트 = 1원)"),
        min_value=policy.CHARGE_MINIMUM,
        max_value=policy.CHARGE_MAXIMUM,
        initial=50_000,
        widget=forms.NumberInput({"inputmode": "numeric", "step": "1000"}),
    )
