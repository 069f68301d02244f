"""Forms of pages for staff: each deed with its reason."""

from django import forms

from kernel.i18n import text
from queueing import policy
from queueing.models import RoomState

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
