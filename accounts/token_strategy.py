"""django-allauth's token strategy over our own keys, sessions and refresh tokens."""

from typing import Any

from allauth.core.internal.httpkit import authenticated_user, get_authorization_credential
from allauth.headless.internal import sessionkit
from allauth.headless.tokens.strategies.base import AbstractTokenStrategy
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from accounts import queries, tokens
from accounts.usecases import sessions
from kernel import clock, keys

_ENDED = "ended"  # no session has this key: allauth answers 410, as for any session gone


class TokenStrategy(AbstractTokenStrategy):
    """Access tokens for `accounts.api.authentication`, refresh tokens that work once.

    allauth's JWT strategy signs with one key and hides the session key in the token by reversible
    encryption, a new text each time; a session that is to be revoked needs a name that stays.
    """

    def get_session_token(self, request: HttpRequest) -> str | None:
        token = super().get_session_token(request)
        if token:
            return token
        credential = get_authorization_credential(request, "Bearer")
        if credential is None:
            return None
        try:
            caller = tokens.read_access_token(credential, now=clock.now())
        except keys.TokenInvalid:
            return None
        return queries.session_key_of(caller.session_id) or _ENDED

    def create_session_token(self, request: HttpRequest) -> str:
        if not request.session.session_key:
            request.session.save()
        assert request.session.session_key
        return request.session.session_key

    def lookup_session(self, session_token: str) -> SessionBase | None:
        return sessionkit.lookup_session(session_token)

    def create_access_token(self, request: HttpRequest) -> str:
        return sessions.access_token(
            session=request.session, user=authenticated_user(request), now=clock.now()
        )

    def create_access_token_payload(self, request: HttpRequest) -> dict[str, Any]:
        user = authenticated_user(request)
        return {
            "access_token": self.create_access_token(request),
            "refresh_token": sessions.begin_refreshing(
                session=request.session, user_id=user.pk, now=clock.now()
            ),
        }

    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        refreshed = sessions.refresh(refresh_token=refresh_token, now=clock.now())
        return (refreshed.access_token, refreshed.refresh_token) if refreshed else None
