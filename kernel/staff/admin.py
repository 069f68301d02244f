"""Bases of the admin's screens.

Note [Staff writes]
A `ReadOnlyAdmin` shows what money or seats depend on; it changes only by a `staff_action`
(actions.py), which asks for a reason and calls a use case. A form whose save is a use case is a
`UseCaseAdmin`. Everything else is an `AuditedAdmin`: plain forms whose every save and delete is
recorded with its diff in the same transaction. Use cases record their own audit entry.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from kernel import clock
from kernel.db.transaction import transaction
from kernel.errors import DomainError
from kernel.staff import changes, refusals
from kernel.staff.actions import ReasonForm
from kernel.staff.lookups import CarefulLookups
from kernel.text.spelling import composed

if TYPE_CHECKING:  # generic for the type checker only
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
    _ModelForm = forms.ModelForm[Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _TabularInline = admin.TabularInline
    _ModelForm = forms.ModelForm


class StaffAdmin(CarefulLookups, _ModelAdmin):
    """The base: actions are offered only to those who hold the permission they name."""

    show_full_result_count = False  # counting a table of millions for a heading is not worth it
    list_per_page = 50

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        return {
            name: action
            for name, action in actions.items()
            if request.user.has_perms(getattr(action[0], "required_permissions", ()))
        }

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        refusals.record_action_not_offered(self, request)
        return super().changelist_view(request, extra_context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search for what was meant, however it was typed (Note [Texts that read alike])."""
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, composed(search_term)
        )
        return found


class ReadOnlyAdmin(StaffAdmin):
    """Look and search, never add, change or delete; staff actions may still be offered."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(_TabularInline):
    """Rows shown under their parent, never edited there."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AuditedAdmin(StaffAdmin):
    """Plain forms; each save and delete is an audit entry with its diff, in one transaction."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change or form.changed_data:
            changes.record(request, obj, "changed" if change else "added", changes.diff(form))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        diffs = {inner.instance.pk: changes.diff(inner) for inner in formset.forms}
        for obj in formset.new_objects:
            changes.record(request, obj, "added", diffs.get(obj.pk, {}))
        for obj, _changed in formset.changed_objects:
            changes.record(request, obj, "changed", diffs.get(obj.pk, {}))
        for obj in formset.deleted_objects:
            changes.record(request, obj, "deleted", {})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        changes.record(request, obj, "deleted", changes.contents(obj))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction():  # Django's own delete action opens none
            for obj in queryset:  # one entry a row
                self.delete_model(request, obj)


class ReasonModelForm(_ModelForm):
    """A row's form that asks for the reason too."""

    reason = ReasonForm.base_fields["reason"]


class UseCaseAdmin(StaffAdmin):
    """A change form whose save is a use case, with a reason; no other way to write.

    Subclasses implement `perform_change`. The form is shown again with the refusal when the use
    case raises a `DomainError`. Django's surrounding transaction is left out: a use case opens
    its own.
    """

    form = ReasonModelForm
    key_field = ""  # the relation that is the key too: a missing row's address leads to its form
    may_add = False  # whether the use case makes rows too

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_add and super().has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def perform_change(
        self,
        request: HttpRequest,
        obj: Any,
        *,
        changes: dict[str, Any],
        reason: str,
        now: datetime,
    ) -> None:
        """Call the use case with the cleaned `changes` (changed fields only) of the row `obj`.

        `obj` already carries the new values, so read old ones from the database, under lock.
        """
        raise NotImplementedError

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Put the reason last; leave it out for those who only look."""
        fieldsets = [
            (title, {**options, "fields": [name for name in options["fields"] if name != "reason"]})
            for title, options in super().get_fieldsets(request, obj)
        ]
        adding = obj is None and self.has_add_permission(request)
        if adding or self.has_change_permission(request, obj):
            fieldsets.append((None, {"fields": ["reason"]}))
        return fieldsets

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._without_transaction(request, *args, **kwargs)
        except DomainError as refusal:
            refusals.record_error(request, refusal)
            self.message_user(request, str(refusal.message), messages.ERROR)
            request.method = "GET"
            return self._without_transaction(request, *args, **kwargs)

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponseBase:
        if not self.key_field or not self.has_add_permission(request):
            missing: HttpResponseBase = super()._get_obj_does_not_exist_redirect(  # type: ignore[misc]
                request, opts, object_id
            )
            return missing
        add = reverse(f"admin:{opts.app_label}_{opts.model_name}_add")
        return HttpResponseRedirect(f"{add}?{urlencode({self.key_field: unquote(object_id)})}")

    def _without_transaction(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        return self._changeform_view(  # type: ignore[attr-defined]
            request, object_id, form_url, extra_context
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        values = form.cleaned_data
        self.perform_change(
            request,
            obj,
            changes={name: values[name] for name in form.changed_data if name != "reason"},
            reason=values["reason"],
            now=clock.now(),
        )
