"""The check of a second factor, code or passkey: counted first, then judged, on every way in."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts import attempts
from accounts.api import device_tokens
from accounts.models import User
from accounts.usecases import passkeys, second_factor
from kernel.caller import client_ip_of
from kernel.telemetry import security_log


def judge(request: HttpRequest, user: User, code: str, *, now: datetime) -> Authenticator:
    """Return the factor that the code proves. Raises `ValidationError`: wrong, or one too many.

    Wrong codes count like wrong passwords, but separately (Note [Failed logins] in `attempts.py`):
    only those who know the password get here, and a code is short enough to guess.
    """

    def check() -> Authenticator:
        found = second_factor.check(user_id=user.pk, code=code, now=now)
        if found is None:
            raise second_factor.CodeWrong
        return found

    return _counted(request, user, check)


def judge_passkey(request: HttpRequest, user: User, credential: Mapping[str, Any]) -> Authenticator:
    """Return the passkey that the browser has used. Raises `ValidationError`, as `judge` does."""
    return _counted(request, user, lambda: passkeys.prove(user, credential))


def _counted(request: HttpRequest, user: User, check: Callable[[], Authenticator]) -> Authenticator:
    client_ip = client_ip_of(request)
    attempt = attempts.begin(
        email=f"second factor of {user.pk}",
        client_ip=client_ip,
        device_token=device_tokens.token_in(request),
    )
    if attempt.is_refused:
        security_log.record(
            "login_throttled", user_id=user.pk, client_ip=client_ip, limit=attempt.route
        )
        raise get_adapter().validation_error("too_many_login_attempts")
    try:
        found = check()
    except (second_factor.CodeWrong, passkeys.PasskeyInvalid) as refusal:
        security_log.record("mfa_failed", user_id=user.pk, client_ip=client_ip)
        raise ValidationError(refusal.message, code="incorrect_code") from None
    attempts.take_back(attempt, succeeded=True)
    return found
