"""A person's passkeys: listed, added, removed (Note [Passkeys] in accounts/usecases/passkeys.py).

All of it needs a recent login, and an authenticator app that is set up.
"""

import re

from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts import queries
from accounts.models import User
from accounts.usecases import passkeys
from kernel.errors import DomainError
from kernel.telemetry import security_log
from storefront.account_forms import PasskeyForm
from storefront.once import SeeOther
from storefront.private import Visit, private, private_page
from storefront.views.account import recently


@private("GET", "HEAD", "POST")
@recently
def home(visit: Visit) -> HttpResponseBase:
    """List the passkeys; take one that the browser has made, or remove one."""
    if not queries.has_second_factor(visit.user_id):
        return SeeOther(reverse("account-second-factor"))
    form, refusal = PasskeyForm(None), None
    if visit.form.get("action") == "remove":
        return _remove(visit)
    if visit.request.method == "POST":
        form = PasskeyForm(visit.form)
        try:
            if form.is_valid():
                return _add(visit, form)
        except DomainError as error:
            refusal = error
    user = visit.request.user
    assert isinstance(user, User), "private pages let in nobody else"
    return private_page(
        visit,
        "account/second_factor/passkeys.html",
        "account",
        script="passkey.js",
        form=form,
        refusal=refusal,
        passkeys=queries.passkeys_of(visit.user_id),
        options=passkeys.begin_adding(user),
    )


def _add(visit: Visit, form: PasskeyForm) -> HttpResponseBase:
    passkeys.add(
        user_id=visit.user_id,
        name=form.cleaned_data["name"],
        credential=form.cleaned_data["credential"],
        now=visit.now,
    )
    _record(visit, "passkey_added")
    return SeeOther(visit.request.path)


def _remove(visit: Visit) -> HttpResponseBase:
    named = str(visit.form.get("passkey", ""))
    passkey_id = int(named) if re.fullmatch(r"[0-9]{1,9}", named) else 0
    if passkeys.remove(user_id=visit.user_id, passkey_id=passkey_id, now=visit.now):
        _record(visit, "passkey_removed")
    return SeeOther(visit.request.path)


def _record(visit: Visit, event: str) -> None:
    security_log.record(event, user_id=visit.user_id, client_ip=visit.client_ip)
