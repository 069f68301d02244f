"""Forms of pages for staff: each deed with its reason."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.postgres.forms import SimpleArrayField

from kernel.i18n import text
from kernel.ids import uuid7
from points import policy as points_policy
from queueing import policy
from queueing.models import RoomState
from reservations.queries import SeatArea

REASON_LENGTH = 500


def reason_field() -> forms.CharField:
    """Return the field in which staff say why."""
    return forms.CharField(
        label=text(en="Reason", ko="사유"),
        max_length=REASON_LENGTH,
        widget=forms.Textarea({"rows": 2}),
        help_text=text(en="It is kept in the audit log.", ko="감사 기록에 남습니다."),
    )


class QueueForm(forms.Form):
    """What a waiting room shall do; without a `state` it stays as it is.

    `version` is that of the settings which the form was made from.
    """

    rate_per_second = forms.DecimalField(
        label=text(en="Fans a second", ko="초당 입장 인원"),
        min_value=policy.RATE_BOUNDS[0],
        max_value=policy.RATE_BOUNDS[1],
        decimal_places=2,
    )
    capacity = forms.IntegerField(
        label=text(en="Places inside", ko="동시 입장 인원"),
        min_value=policy.CAPACITY_BOUNDS[0],
        max_value=policy.CAPACITY_BOUNDS[1],
    )
    reason = reason_field()
    state = forms.ChoiceField(
        choices=[("", ""), *RoomState.choices], required=False, widget=forms.HiddenInput
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class UndoForm(forms.Form):
    """That a change shall be taken back, and why."""

    change = forms.UUIDField(widget=forms.HiddenInput)
    undo_reason = reason_field()


class SaleForm(forms.Form):
    """Why a sale is halted, or goes on; `seen` are the halts that were shown."""

    reason = reason_field()
    seen = SimpleArrayField(forms.UUIDField(), required=False, widget=forms.HiddenInput)


class AreaForm(forms.Form):
    """Which seats: a section, a row, a rectangle on the map, or what is in all of them."""

    section = forms.CharField(label=text(en="Section", ko="구역"), max_length=20, required=False)
    row = forms.CharField(label=text(en="Row", ko="열"), max_length=10, required=False)
    x_from = forms.FloatField(label=text(en="From x", ko="x 시작"), required=False)
    x_to = forms.FloatField(label=text(en="To x", ko="x 끝"), required=False)
    y_from = forms.FloatField(label=text(en="From y", ko="y 시작"), required=False)
    y_to = forms.FloatField(label=text(en="To y", ko="y 끝"), required=False)

    def clean(self) -> dict[str, Any]:
        """Ask for something: a whole hall is blocked by nobody's empty form."""
        values = super().clean() or {}
        if not self.errors and self.area().is_everything:
            raise forms.ValidationError(
                str(
                    text(
                        en="Choose a section, a row or a rectangle.",
                        ko="구역, 열 또는 영역을 선택해 주세요.",
                    )
                )
            )
        return values

    def area(self) -> SeatArea:
        """Return what was chosen."""
        names = ("section", "row", "x_from", "x_to", "y_from", "y_to")
        chosen = {name: self.cleaned_data.get(name) for name in names}
        return SeatArea(**{name: None if one == "" else one for name, one in chosen.items()})


class BlockForm(forms.Form):
    """Why seats are blocked or unblocked: a kind, and a note."""

    kind = forms.ChoiceField(
        label=text(en="What for", ko="구분"),
        choices=[
            ("house", text(en="House seats", ko="초대·관계자석")),
            ("camera", text(en="Camera or technics", ko="카메라·기술")),
            ("view", text(en="Obstructed view", ko="시야 제한")),
            ("safety", text(en="Safety", ko="안전")),
            ("other", text(en="Other", ko="기타")),
        ],
    )
    note = forms.CharField(
        label=text(en="Note", ko="메모"),
        max_length=REASON_LENGTH - 20,
        widget=forms.Textarea({"rows": 2}),
        help_text=text(en="It is kept in the audit log.", ko="감사 기록에 남습니다."),
    )

    @property
    def reason(self) -> str:
        """The reason as the audit log has it."""
        return f"[{self.cleaned_data['kind']}] {self.cleaned_data['note']}"


class ReasonOnlyForm(forms.Form):
    """Why something is done."""

    reason = reason_field()


class LayoutFileForm(forms.Form):
    """A layout file: as it is chosen, or as it was checked, with why it is imported."""

    file = forms.FileField(
        label=text(en="Layout file (.json or .csv)", ko="좌석 배치 파일(.json 또는 .csv)"),
        widget=forms.FileInput({"accept": ".json,.csv"}),
    )


class CheckedLayoutForm(forms.Form):
    """The file that was checked, and why it is imported."""

    name = forms.CharField(max_length=200, widget=forms.HiddenInput)
    content = forms.CharField(widget=forms.HiddenInput)
    reason = reason_field()


class LookUpForm(forms.Form):
    """Whom staff look for, and why."""

    what = forms.CharField(
        label=text(
            en="E-mail, telephone, reservation or ticket code",
            ko="이메일, 전화번호, 예매 번호 또는 티켓 코드",
        ),
        max_length=254,
    )
    reason = reason_field()


class PointsForm(forms.Form):
    """Points that are given or, below zero, taken back; the form counts once."""

    points = forms.IntegerField(
        label=text(en="Points", ko="포인트"),
        min_value=-points_policy.ADJUSTMENT_MAXIMUM,
        max_value=points_policy.ADJUSTMENT_MAXIMUM,
        help_text=text(en="Below zero: take back", ko="0보다 작으면 회수"),
    )
    reason = reason_field()
    adjustment_id = forms.UUIDField(initial=uuid7, widget=forms.HiddenInput)


class RefundForm(forms.Form):
    """Which seats are refunded, how, and why; the form counts once."""

    seat = forms.TypedMultipleChoiceField(
        label=text(en="Seats", ko="좌석"), coerce=UUID, widget=forms.CheckboxSelectMultiple
    )
    how = forms.ChoiceField(
        label=text(en="How", ko="방식"),
        choices=[
            ("policy", text(en="As the policy says", ko="환불 기준대로")),
            ("goodwill", text(en="All of it, as goodwill", ko="전액(예외 환불)")),
        ],
        widget=forms.RadioSelect,
        initial="policy",
    )
    reason = reason_field()
    refund_id = forms.UUIDField(initial=uuid7, widget=forms.HiddenInput)

    def __init__(self, *args: Any, seats: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seat"].choices = seats  # type: ignore[attr-defined]
