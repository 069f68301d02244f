"""Who polls: the caller whom a login shows, or the holder of a join token (Note [Token alone])."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from accounts.api.authentication import CHALLENGE
from kernel import clock
from kernel.caller import Caller, mark_personal
from kernel.http.header_authentication import HeaderAuthentication
from queueing import tokens
from queueing.errors import QueueTokenInvalid

_SHOWN = "frontrow.queue_token"  # in an environment: what its join token proves, once read
# Of the waiting room's two URLs in the spelling that clients use, the fan's own place by group 2.
ROOM_PATH = re.compile(
    r"/api/v1/performances/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/queue/(me/)?"
)


class PassNeedsLogin(NotAuthenticated):
    """401 not_authenticated: a pass counts only with its user's login."""

    auth_header = CHALLENGE


class JoinTokenAuthentication(HeaderAuthentication):
    """Take a join token for its user where no login is sent (Note [Token alone] in README.md)."""

    environ_name = "HTTP_X_QUEUE_TOKEN"

    def authenticate(self, request: Request) -> tuple[Caller, str] | None:
        """Return the token's user and the token; None where a login or no token is sent.

        Raises PassNeedsLogin, QueueTokenInvalid.
        """
        performance_id = request.parser_context["kwargs"]["performance_id"]
        holder = holder_in(request.META, performance_id)
        if isinstance(holder, Exception):
            raise holder
        return None if holder is None else (holder, request.META[self.environ_name])


def holder_in(
    environ: dict[str, Any], performance_id: UUID
) -> Caller | PassNeedsLogin | QueueTokenInvalid | None:
    """Return whose join token an environment shows instead of a login, or why it shows nobody's.

    None where a login or no token is sent. The caller has no session and no rights: only the id.
    The token is verified once a request: what it proves stays in the environment (`proof_in`).
    """
    if not JoinTokenAuthentication.is_shown_in(environ):
        return None
    mark_personal(environ)
    if _SHOWN not in environ:
        token = environ[JoinTokenAuthentication.environ_name]
        environ[_SHOWN] = read_join_token(token, performance_id, now=clock.now())
    return holder_by(environ[_SHOWN])


def holder_by(
    shown: tokens.Proof | QueueTokenInvalid,
) -> Caller | PassNeedsLogin | QueueTokenInvalid:
    """Return whom a token that was read shows, or why nobody."""
    if isinstance(shown, QueueTokenInvalid):
        return shown
    if shown.audience is not tokens.Audience.TOKEN:
        return PassNeedsLogin()
    return Caller(shown.user_id)


def proof_in(environ: Mapping[str, Any]) -> tokens.Proof | None:
    """Return what the token proves by which `holder_in` knew the caller, None beside a login."""
    shown = environ.get(_SHOWN)
    return shown if isinstance(shown, tokens.Proof) else None


def read_join_token(
    token: str, performance_id: UUID, *, now: datetime
) -> tokens.Proof | QueueTokenInvalid:
    """Return what a token proves that is shown instead of a login, or why it proves nothing."""
    try:
        return tokens.verify_alone(token, performance_id=performance_id, now=now)
    except QueueTokenInvalid as refusal:
        return refusal


def poller_in(environ: dict[str, Any]) -> Caller | None:
    """Return whose join token a poll shows instead of a login; None for every other call."""
    path = ROOM_PATH.fullmatch(environ["PATH_INFO"])
    if path is None or path[2] is None or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return None
    holder = holder_in(environ, UUID(path[1]))
    return holder if isinstance(holder, Caller) else None
