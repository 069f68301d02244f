"""A person's second factor: an authenticator app and recovery codes, set up, renewed, removed.

The rules are those of the staff pages (Note [Second factor] in accounts/usecases/second_factor.py);
codes are counted before they are judged. All of it needs a recent login.
"""

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from accounts import queries
from accounts.models import User
from accounts.usecases import second_factor
from kernel.errors import DomainError
from kernel.telemetry import security_log
from storefront.account_forms import CodeForm, JudgedCodeForm
from storefront.once import SeeOther
from storefront.private import Visit, private, private_page
from storefront.views.account import recently

_SECRET = "second_factor_secret"  # noqa: S105  (a name; the session of who sets one up)
_HOME = "account-second-factor"


@private("GET", "HEAD")
def home(visit: Visit) -> HttpResponseBase:
    """Say whether there is a second factor, and what can be done."""
    return _page(visit, "home", is_set_up=queries.has_second_factor(visit.user_id))


@private("GET", "HEAD", "POST")
@recently
def set_up(visit: Visit) -> HttpResponseBase:
    """Show the secret as a picture, take the first code, then show the recovery codes, once."""
    if queries.has_second_factor(visit.user_id):
        return SeeOther(reverse(_HOME))
    session = visit.request.session
    secret: str = session.get(_SECRET) or generate_totp_secret()
    form = CodeForm(visit.form if visit.request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        code = form.cleaned_data["code"]
        try:
            codes = second_factor.set_up(
                user_id=visit.user_id, secret=secret, code=code, now=visit.now
            )
        except DomainError as refusal:
            form.add_error("code", str(refusal.message))
        else:
            _record(visit, "mfa_activated")
            _keep_login(visit)
            return _page(visit, "codes", codes=codes)
    session[_SECRET] = secret
    return _page(visit, "set_up", form=form, secret=secret, picture=_picture(visit, secret))


@private("GET", "HEAD", "POST")
@recently
def renew(visit: Visit) -> HttpResponseBase:
    """Take a code, then show new recovery codes, once."""
    form = _judged(visit)
    if form is None:
        return SeeOther(reverse(_HOME))
    if not form.is_bound or not form.is_valid():
        return _page(visit, "renew", form=form)
    codes = second_factor.renew_recovery_codes(user_id=visit.user_id, now=visit.now)
    _record(visit, "mfa_codes_renewed")
    return _page(visit, "codes", codes=codes)


@private("GET", "HEAD", "POST")
@recently
def remove(visit: Visit) -> HttpResponseBase:
    """Take a code, then go on without a second factor; every other login ends."""
    form = _judged(visit)
    if form is None:
        return SeeOther(reverse(_HOME))
    refusal = None
    if form.is_bound and form.is_valid():
        try:
            second_factor.remove(user_id=visit.user_id, now=visit.now)
        except DomainError as error:
            refusal = error
        else:
            _record(visit, "mfa_deactivated")
            _keep_login(visit)
            return SeeOther(reverse(_HOME))
    return _page(visit, "remove", form=form, refusal=refusal)


def _judged(visit: Visit) -> JudgedCodeForm | None:
    """Return the form that judges a code; None where there is nothing to judge it by."""
    if not queries.has_second_factor(visit.user_id):
        return None
    return JudgedCodeForm(visit.request, visit.form if visit.request.method == "POST" else None)


def _keep_login(visit: Visit) -> None:
    """Keep this login, which has just proved itself; every other one has ended."""
    visit.request.session.pop(_SECRET, None)
    visit.request.session.cycle_key()


def _record(visit: Visit, event: str) -> None:
    security_log.record(event, user_id=visit.user_id, client_ip=visit.client_ip)


def _picture(visit: Visit, secret: str) -> SafeString:
    user = visit.request.user
    assert isinstance(user, User), "private pages let in nobody else"
    adapter = get_adapter()
    svg: str = adapter.build_totp_svg(adapter.build_totp_url(user, secret))
    return mark_safe(svg[svg.index("<svg") :])  # noqa: S308  (made of squares by a library)


def _page(visit: Visit, step: str, **facts: Any) -> HttpResponseBase:
    return private_page(visit, f"account/second_factor/{step}.html", "account", **facts)
