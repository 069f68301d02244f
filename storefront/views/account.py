"""A person's account: settings, logins, a copy of everything that is kept, and the end of it."""

from functools import wraps
from typing import Any

from django.contrib.auth import logout
from django.http import JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts import own_account, queries
from accounts.sessions import sid_of
from accounts.usecases import sessions
from kernel.errors import DomainError
from personal.export import export
from personal.usecases import account as usecases
from points import queries as points
from storefront.account_forms import DeleteForm, SettingsForm
from storefront.once import SeeOther
from storefront.page_facts import sign_in_provider
from storefront.private import View, Visit, private, private_page

_SAVED = "saved"


def session_id_of(visit: Visit) -> str:
    """Return what tokens call the login that this page was asked with."""
    return sid_of(visit.request.session.session_key or "")


def recently(view: View) -> View:
    """Ask for the password or a code first where the login is not recent, then for the page."""

    @wraps(view)
    def guarded(visit: Visit, *args: Any, **kwargs: Any) -> HttpResponseBase:
        session_id = session_id_of(visit)
        if own_account.is_recent(user_id=visit.user_id, session_id=session_id, now=visit.now):
            return view(visit, *args, **kwargs)
        leads_to = urlencode({"next": visit.request.path})
        return SeeOther(f"{reverse('account_reauthenticate')}?{leads_to}")

    return guarded


@private("GET", "HEAD", "POST")
def account(visit: Visit) -> HttpResponseBase:
    """Show the settings and what else there is to do with an account; change settings."""
    found = queries.own_settings(visit.user_id)
    initial = {name: getattr(found, name) for name in own_account.FIELDS}
    form = SettingsForm(visit.form if visit.request.method == "POST" else None, initial=initial)
    if form.is_bound and form.is_valid():
        usecases.change(user_id=visit.user_id, changes=form.cleaned_data)
        return SeeOther(f"{visit.request.path}?{_SAVED}=1")
    return private_page(
        visit,
        "storefront/account.html",
        "account",
        form=form,
        sign_in_provider=sign_in_provider(),
        was_saved=_SAVED in visit.request.GET,
    )


@private("GET", "HEAD", "POST")
def logins(visit: Visit) -> HttpResponseBase:
    """List the logins; end one of the others, or all of them, this one too."""
    if visit.request.method == "POST":
        if visit.form.get("action") == "all":
            sessions.end_all(user_ids=[visit.user_id])
            logout(visit.request)
            return SeeOther(reverse("account_login"))
        sessions.end_one(user_id=visit.user_id, session_id=str(visit.form.get("login", "")))
        return SeeOther(visit.request.path)
    return private_page(
        visit,
        "storefront/logins.html",
        "account",
        logins=queries.logins_of(visit.user_id, now=visit.now),
        current=session_id_of(visit),
    )


@private("GET", "HEAD")
@recently
def data(visit: Visit) -> HttpResponseBase:
    """Give everything that is kept of the person, as a file."""
    response = JsonResponse(
        export(user_id=visit.user_id, now=visit.now),
        json_dumps_params={"ensure_ascii": False, "indent": 1},
    )
    response.headers["Content-Disposition"] = 'attachment; filename="frontrow-my-data.json"'
    return response


@private("GET", "HEAD", "POST")
@recently
def delete(visit: Visit) -> HttpResponseBase:
    """Say what deleting the account means; delete it, unless something is open."""
    form = DeleteForm(visit.form if visit.request.method == "POST" else None)
    refusal = None
    try:
        if form.is_bound and form.is_valid():
            return _delete(visit)
        if not form.is_bound:
            usecases.check_unused(user_id=visit.user_id, now=visit.now)
    except DomainError as error:
        refusal = error
    return private_page(
        visit,
        "storefront/account_delete.html",
        "account",
        refusal=refusal,
        form=form,
        balance=points.balance(user_id=visit.user_id),
    )


def _delete(visit: Visit) -> HttpResponseBase:
    usecases.delete(user_id=visit.user_id, session_id=session_id_of(visit), now=visit.now)
    logout(visit.request)
    return redirect(reverse("storefront:text", args=["goodbye"]))
