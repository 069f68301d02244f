"""Audit entries of plain staff forms: the changes of a save or delete."""

from typing import Any

from django.db.models import Model, QuerySet
from django.forms.models import model_to_dict
from django.http import HttpRequest

from kernel import clock
from kernel.staff import audit
from kernel.staff.actions import actor_of

_SECRETS = ("password", "secret", "token")


def record(request: HttpRequest, obj: Model, verb: str, changes: dict[str, Any]) -> None:
    """Write the audit entry of a plain form's save or delete; requires its transaction."""
    audit.record(
        actor_id=actor_of(request),
        action=f"{obj._meta.label_lower}.{verb}",
        target=audit.target_of(obj),
        reason="",
        changes=changes,
        now=clock.now(),
    )


def diff(form: Any) -> dict[str, Any]:
    """Return `{field: {"from": ..., "to": ...}}` of a bound form; secrets only as "changed"."""
    return {
        name: {"changed": True}
        if any(word in name for word in _SECRETS)
        else {"from": _shown(form.initial.get(name)), "to": _shown(form.cleaned_data.get(name))}
        for name in form.changed_data
        if name in form.cleaned_data
    }


def contents(obj: Model) -> dict[str, Any]:
    """Return `{field: {"from": ...}}` of a row that is about to go."""
    values = model_to_dict(obj)
    return {
        name: {"from": _shown(value)}
        for name, value in values.items()
        if not any(word in name for word in _SECRETS)
    }


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple, set, frozenset, QuerySet)):
        return sorted(str(item) for item in value)
    return str(value)
