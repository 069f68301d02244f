"""Logins that succeed, in the security log: whose, by which proofs, and where."""

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.admin_second_factor import has_given_code
from accounts.models import User
from accounts.page_logins import is_fans
from kernel.caller import client_ip_of
from kernel.telemetry import security_log

_STAFF_PAGES = "/admin/"


@receiver(user_logged_in)
def record_login(request: HttpRequest, user: User, **_: Any) -> None:
    """Write down that somebody has logged in. The proofs are named as django-allauth names them."""
    is_staff_page = request.path.startswith(_STAFF_PAGES)
    at = "staff_pages" if is_staff_page else "pages" if is_fans(request.path) else "api"
    found = [
        str(record.get("type") or record.get("method"))
        for record in get_authentication_records(request, user)
    ]
    if is_staff_page:  # whose form asks for both
        found = ["password", "code"] if has_given_code(request) else ["password"]
    security_log.record(
        "logged_in",
        user_id=user.pk,
        client_ip=client_ip_of(request),
        at=at,
        by="+".join(found) or "sign_up",
    )
