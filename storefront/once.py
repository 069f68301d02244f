"""Forms that take effect once, however often they are sent.

A form that moves money or seats carries a key made when it was shown. A double click, a reload or
Back sends the same key, and the execution before is found (Note [Idempotency without a shared
transaction] in idempotency/usecases/leases.py), as at the API.
"""

import json
import secrets
from collections.abc import Callable

from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase

from idempotency.requests import key_in, keyed_request
from idempotency.usecases import endings, leases
from idempotency.values import Lease, StoredResponse
from kernel import clock
from storefront.private import Visit

FIELD = "idempotency_key"
_SEE_OTHER = 303
_NOT_ASKED = {FIELD, "csrfmiddlewaretoken"}


class SeeOther(HttpResponseRedirect):
    """A redirect that a browser follows with GET."""

    status_code = _SEE_OTHER


def new_key() -> str:
    """Return a key for a form that is about to be shown."""
    return secrets.token_urlsafe(24)


def once(visit: Visit, execute: Callable[[Lease], str], *, action: str = "") -> HttpResponseBase:
    """Do what a form asks for, or find that it was done; lead to the address that says so.

    `execute` returns that address. `action` tells the forms of a page apart that share its key.
    Raises what it raises, KeyRequired, KeyInvalid, KeyReused and
    InProgress.
    """
    key = key_in(visit.form.get(FIELD), required=True)
    assert key is not None
    match = visit.request.resolver_match
    assert match is not None
    asked = {name: visit.form.getlist(name) for name in visit.form if name not in _NOT_ASKED}
    keyed = keyed_request(
        key,
        user_id=visit.user_id,
        method="POST",
        route=f"page {match.view_name} {action}".rstrip(),
        path="/".join(map(str, match.kwargs.values())),
        query="",
        body=json.loads(json.dumps(asked)),
    )
    found = leases.claim(request_key=keyed.request_key, body_hash=keyed.body_hash, now=visit.now)
    if isinstance(found, StoredResponse):
        return SeeOther(found.headers["Location"])
    try:
        leads_to = execute(found)
    except Exception:
        # Nothing is kept: the page is shown again with another key. Whether it had an effect, an
        # execution under the same key looks up first.
        endings.close(endings.ending_of(found, response=None), now=clock.now())
        raise
    stored = StoredResponse(_SEE_OTHER, "", {"Location": leads_to})
    endings.close(endings.ending_of(found, response=stored), now=clock.now())
    return SeeOther(leads_to)
