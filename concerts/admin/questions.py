"""Forms that ask again before something unusual is saved (Note [Unusual changes])."""

from typing import Any

from django import forms
from django.http import HttpRequest

from concerts.errors import NeedsConfirmation
from kernel.i18n import text
from kernel.staff.actions import ReasonForm
from kernel.staff.admin import ReasonModelForm


class _Confirmed(forms.MultipleChoiceField):
    """Ticked boxes, one a question; the use case judges whether they are the right ones."""

    def valid_value(self, value: Any) -> bool:
        return True


class AskingForm(ReasonModelForm):
    """A row's form that shows what is unusual about its values and takes the confirmation."""

    questions: tuple[dict[str, str], ...] = ()  # of a save that was refused
    confirmed = _Confirmed(
        label=text(en="Save it all the same", ko="확인하고 저장"),
        help_text=text(
            en="Tick every point and say why; the reason stands in the audit entry.",
            ko="모든 항목을 확인하고 사유를 입력해 주세요. 사유는 감사 기록에 남습니다.",
        ),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        boxes: Any = self.fields["confirmed"]
        boxes.choices = [(asked["confirm"], asked["message"]) for asked in self.questions]

    def clean(self) -> Any:
        """Show the questions as what is wrong with the form."""
        values = super().clean()
        if self.questions:
            lines = [str(NeedsConfirmation.message), *(one["message"] for one in self.questions)]
            self.add_error(None, [forms.ValidationError(line) for line in lines])
            if not self.cleaned_data.get("reason") and "reason" not in self.errors:
                self.add_error("reason", text(en="Say why.", ko="사유를 입력해 주세요."))
        return values


class PlainForm(AskingForm):
    """A row's form that takes a reason only where it is asked for."""

    reason = forms.CharField(
        label=ReasonForm.base_fields["reason"].label,
        max_length=500,
        required=False,
        widget=forms.Textarea({"rows": 3}),
    )


class AsksFirst:
    """Pages whose use case may raise `NeedsConfirmation` (a mixin in front of `UseCaseAdmin`).

    The refused form is shown again as it was typed, with a box for each question; the next save
    brings the ticked boxes (`confirmed`) and the reason.
    """

    always_with_reason = True

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Put the boxes before the reason; without a question there are none."""
        *own, last = super().get_fieldsets(request, obj)  # type: ignore[misc]
        if last[1]["fields"] != ["reason"]:  # of those who only look
            return [*own, last]
        if _asked(request):
            return [*own, (None, {"fields": ["confirmed", "reason"]})]
        return [*own, last] if self.always_with_reason else own

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the form, which knows the questions."""
        form: Any = super().get_form(request, *args, **kwargs)  # type: ignore[misc]
        return type(form.__name__, (form,), {"questions": _asked(request)})

    def _without_transaction(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        view = super()._without_transaction  # type: ignore[misc]
        try:
            return view(request, *args, **kwargs)
        except NeedsConfirmation as refusal:
            request.asked = tuple(refusal.extras["questions"])  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)


def confirmed(request: HttpRequest) -> list[str]:
    """Return the ticked boxes of a form, as use cases take them."""
    return request.POST.getlist("confirmed")


def _asked(request: HttpRequest) -> tuple[dict[str, str], ...]:
    return getattr(request, "asked", ())
