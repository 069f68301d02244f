"""The security log: lines and counts for the people who watch for attacks.

Note [Security log]
Each security event is one JSON line of the logger `frontrow.security`, whatever LOG_FORMAT and
LOG_LEVEL say, and one count of `frontrow_security_events_total`. A line names people by id and
client IP alone: no e-mail addresses, no codes, no passwords, no request bodies. It is printable
ASCII and bounded below what a pipe takes in one piece, so that no caller forges, floods or tears
a line. The events are those of `EVENTS`; docs/metrics.md lists them for the alerts.
"""

import logging
from collections.abc import Mapping
from functools import partial
from uuid import UUID

from prometheus_client import Counter

from kernel.db.transaction import run_after_commit

log = logging.getLogger("frontrow.security")

EVENTS = {
    "logged_in": "a person logged in or signed up; at which pages or API, by which proofs",
    "login_failed": "a wrong password, code or account at either login",
    "login_throttled": "a login refused because too many have failed",
    "account_locked_out": "staff locked an account",
    "account_closed": "a person deleted the account",
    "account_let_in": "staff let a locked account in again",
    "password_changed": "a person changed a password",
    "password_reset": "a password was set by a mailed code",
    "password_set_by_staff": "staff set somebody's password",
    "email_added": "a person added an e-mail address",
    "email_changed": "an account's e-mail address changed",
    "email_removed": "a person removed an e-mail address",
    "email_changed_by_staff": "staff changed somebody's e-mail address",
    "mfa_activated": "a second factor was set up",
    "mfa_deactivated": "a second factor was removed",
    "mfa_codes_renewed": "a person made new recovery codes",
    "passkey_added": "a person added a passkey",
    "passkey_removed": "a person removed a passkey",
    "provider_connected": "a person connected the account to the sign-in provider",
    "provider_disconnected": "a person disconnected the account from the sign-in provider",
    "provider_refused": "a sign-in by the provider proved nobody, or its address is taken",
    "mfa_failed": "a wrong second factor",
    "refresh_token_reused": "a used refresh token came back; its login was ended",
    "api_key_made": "staff made an API key",
    "api_key_revoked": "staff revoked an API key",
    "rights_changed": "staff changed the rights of a person or a group",
    "staff_deed_refused": "staff tried what they may not do",
}
LONGEST_VALUE = 120  # characters
MOST_FIELDS = 8
_WITHHELD = "(withheld)"
_SECRETS = ("password", "secret", "token", "cookie", "email")

recorded = Counter("frontrow_security_events_total", "Security events, by name", ["event"])

Value = str | int | float | bool | UUID | None


def record(
    event: str, *, user_id: UUID | str | None = None, client_ip: str | None = None, **fields: Value
) -> None:
    """Write one line and count it. See Note [Security log].

    `user_id` is the person who acted or was aimed at (name the other one in `fields`), `client_ip`
    where the request came from. Raises ValueError for an event that is not in `EVENTS`, and for too
    many fields: both are defects of the caller, whatever the request was.
    """
    if event not in EVENTS:
        raise ValueError(f"{event} is no security event")
    if len(fields) > MOST_FIELDS:
        raise ValueError(f"{len(fields)} fields are too many for a line")
    recorded.labels(event).inc()
    known = {"event": event, "user_id": user_id, "client_ip": client_ip}
    log.warning("security", extra=_shown({**known, **fields}))


def record_after_commit(
    event: str, *, user_id: UUID | str | None = None, client_ip: str | None = None, **fields: Value
) -> None:
    """Do as `record` once the open transaction has committed; not at all if it doesn't."""
    run_after_commit(partial(record, event, user_id=user_id, client_ip=client_ip, **fields))


def _shown(fields: Mapping[str, Value]) -> dict[str, object]:
    return {name: _value(name, value) for name, value in fields.items()}


def _value(name: str, value: Value) -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    if any(word in name for word in _SECRETS) or "@" in text:
        return _WITHHELD
    shown = "".join(letter if " " <= letter <= "~" else "?" for letter in text[:LONGEST_VALUE])
    return shown if len(text) <= LONGEST_VALUE else shown[:-3] + "..."
