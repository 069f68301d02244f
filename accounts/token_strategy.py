"""The token strategy of django-allauth: our keys, sessions and refresh tokens."""

from typing import Any

from allauth.core import context
from allauth.core.internal.httpkit import authenticated_user, get_authorization_credential
from allauth.headless.tokens.strategies.base import AbstractTokenStrategy
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from accounts import queries, tokens
from accounts.sessions import ApiSessionStore
from accounts.usecases import sessions
from kernel import clock
from kernel.caller import client_ip_of
from kernel.signing.jwt import JwtInvalid

_ENDED = "ended"  # no session has this key: allauth responds with 410


class TokenStrategy(AbstractTokenStrategy):
    """Access tokens for `accounts.api.authentication`, refresh tokens that work once.

    allauth's JWT strategy signs with one key and hides the session key in the token by reversible
    encryption, a new text each time; revoking a session needs an id that stays the same.
    """

    def get_session_token(self, request: HttpRequest) -> str | None:
        if not isinstance(request.session, ApiSessionStore):
            # allauth has just made one of the engine's, which is the staff pages'
            # (Note [Purposes of sessions]).
            request.session = ApiSessionStore()
        token: str | None = super().get_session_token(request)
        if token:
            return token
        credential = get_authorization_credential(request, "Bearer")
        if credential is None:
            return None
        try:
            caller = tokens.read_access_token(credential, now=clock.now())
        except JwtInvalid:
            return None
        return queries.session_key_of(caller.session_id) or _ENDED

    def create_session_token(self, request: HttpRequest) -> str:
        if not request.session.session_key:
            request.session.save()
        assert request.session.session_key
        return request.session.session_key

    def lookup_session(self, session_token: str) -> SessionBase | None:
        session = ApiSessionStore(session_token)
        session.get(SESSION_KEY)  # loads it; a missing one loses its key
        return session if session.session_key else None

    def create_access_token(self, request: HttpRequest) -> str | None:
        return sessions.access_token(
            session_key=self.create_session_token(request),
            user_id=authenticated_user(request).pk,
            now=clock.now(),
        )

    def create_access_token_payload(self, request: HttpRequest) -> dict[str, Any]:
        """Save the login, then issue its tokens: after its end nobody could take them back.

        Raises Django's `UpdateError` when it has ended already (see `api/ended.py`).
        """
        request.session.save()
        issued = sessions.begin(
            session_key=self.create_session_token(request),
            user_id=authenticated_user(request).pk,
            now=clock.now(),
        )
        request.session.modified = False  # else allauth saves it once more
        return {"access_token": issued.access_token, "refresh_token": issued.refresh_token}

    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        issued = sessions.refresh(
            refresh_token=refresh_token,
            client_ip=client_ip_of(context.request),
            now=clock.now(),
        )
        return (issued.access_token, issued.refresh_token) if issued else None
