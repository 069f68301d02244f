"""Admin actions that ask for a reason and call a use case (Note [Staff writes] in admin.py)."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.functional import Promise

from kernel import clock
from kernel.errors import DomainError
from kernel.i18n import text
from kernel.staff import refusals

ACTION_LIMIT = 1000  # rows one action may touch: it is one request


class ReasonForm(forms.Form):
    """The reason for an action that money or seats depend on."""

    reason = forms.CharField(
        label=text(en="Reason", ko="사유"), max_length=500, widget=forms.Textarea({"rows": 3})
    )


def actor_of(request: HttpRequest) -> UUID:
    """Return the id of the logged-in member of staff; the admin's pages have no other callers."""
    assert request.user.is_authenticated
    key: UUID = request.user.pk
    return key


Perform = Callable[..., str | Promise | None]


def staff_action(
    *,
    description: str | Promise,
    permissions: Sequence[str],
    ask_reason: bool = True,
    form_class: type[forms.Form] = ReasonForm,
) -> Callable[[Perform], Any]:
    """Make an admin action that shows the picked rows, asks for a reason, and calls a use case.

    The decorated method is called as `method(self, request, objects, *, now, **form fields)`
    with the list of picked rows; the text it returns is shown as success, a `DomainError` it
    raises as an error. `permissions` are full names (`reservations.block_seat`), all needed.
    With `ask_reason=False` there is no page in between and no form field.
    """

    def decorate(perform: Perform) -> Any:
        @wraps(perform)
        def action(
            self: "ModelAdmin[Any]", request: HttpRequest, queryset: QuerySet[Any]
        ) -> HttpResponseBase | None:
            objects = list(queryset[: ACTION_LIMIT + 1])
            if len(objects) > ACTION_LIMIT:
                too_many = text(
                    en=f"Pick at most {ACTION_LIMIT} rows.",
                    ko=f"한 번에 {ACTION_LIMIT}건까지 선택할 수 있습니다.",
                )
                self.message_user(request, str(too_many), messages.ERROR)
                return None
            fields: dict[str, Any] = {}
            if ask_reason:
                form = form_class(request.POST if "confirmed" in request.POST else None)
                if not form.is_valid():
                    return _reason_page(self, request, objects, form, perform.__name__, description)
                fields = form.cleaned_data
            _perform(self, request, objects, perform, fields)
            return None

        action.short_description = description  # type: ignore[attr-defined]
        action.required_permissions = tuple(permissions)  # type: ignore[attr-defined]
        return action

    return decorate


def _perform(
    model_admin: "ModelAdmin[Any]",
    request: HttpRequest,
    objects: list[Any],
    perform: Perform,
    fields: dict[str, Any],
) -> None:
    try:
        done = perform(model_admin, request, objects, now=clock.now(), **fields)
    except DomainError as refusal:
        refusals.record_error(request, refusal, deed=perform.__name__)
        extras = "; ".join(f"{name}: {value}" for name, value in refusal.extras.items())
        shown = f"{refusal.message} ({extras})" if extras else str(refusal.message)
        model_admin.message_user(request, shown, messages.ERROR)
    else:
        shown = str(done or text(en="Done.", ko="처리했습니다."))
        model_admin.message_user(request, shown, messages.SUCCESS)


def _reason_page(
    model_admin: "ModelAdmin[Any]",
    request: HttpRequest,
    objects: list[Any],
    form: forms.Form,
    action: str,
    description: str | Promise,
) -> TemplateResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": description,
        "opts": model_admin.opts,
        "media": model_admin.media + form.media,
        "objects": objects,
        "form": form,
        "action": action,
        "checkbox": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/staff_action.html", context)
