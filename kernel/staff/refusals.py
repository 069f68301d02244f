"""Refusals of staff, written to the security log (Note [Security log])."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest

from kernel.caller import client_ip_of
from kernel.errors import DomainError, Kind
from kernel.telemetry import security_log

EVENT = "staff_deed_refused"


def record(request: HttpRequest, *, code: str, deed: str | None = None) -> None:
    """Log that this request of staff was refused; for other people nothing is logged."""
    user = getattr(request, "user", None)
    if user is None or not user.is_staff:
        return
    security_log.record(
        EVENT,
        user_id=user.pk,
        client_ip=client_ip_of(request),
        method=request.method,
        path=request.path,
        deed=deed,
        code=code,
    )


def record_error(request: HttpRequest, error: DomainError, *, deed: str | None = None) -> None:
    """Log a use case's refusal where it is about rights, not about the state of a row."""
    if error.kind is Kind.FORBIDDEN:
        record(request, code=error.code, deed=deed)


def record_action_not_offered(model_admin: "ModelAdmin[Any]", request: HttpRequest) -> None:
    """Log an action that exists and was sent though the page offers it to others only."""
    wanted = request.POST.get("action", "") if request.method == "POST" else ""
    if not wanted or wanted in model_admin.get_actions(request):
        return
    actions = model_admin._get_base_actions()  # type: ignore[attr-defined]
    if any(name == wanted for _function, name, _text in actions):
        record(request, code="permission_denied", deed=wanted)
