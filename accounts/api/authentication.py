"""Turn `Authorization: Bearer` into a frozen caller: no SQL, no Redis."""

from collections.abc import Mapping
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import revocation, tokens
from kernel import clock, keys
from kernel.api.caller import Caller
from kernel.i18n import text

_SCHEME = "bearer"


class JWTAuthentication(BaseAuthentication):
    """Believe an access token that our key signed, until it expires or its session is revoked.

    django-allauth's own class knows one key and reads the user row; this one needs neither.
    """

    def authenticate(self, request: Request) -> tuple[Caller, str] | None:
        """Return the caller and the token; None without a bearer token; 401 for a bad one."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != _SCHEME:
            return None
        try:
            caller = tokens.read_access_token(token.strip(), now=clock.now())
        except keys.TokenExpired:
            raise TokenExpired from None
        except keys.TokenInvalid:
            raise TokenInvalid from None
        if revocation.is_revoked(caller.session_id):
            raise TokenRevoked
        return caller, token

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of RFC 6750."""
        return 'Bearer realm="frontrow"'


def caller_in(environ: Mapping[str, Any]) -> Caller | None:
    """Return who asks in a WSGI environment; None for anybody who has to be told why not."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != _SCHEME:
        return None
    try:
        caller = tokens.read_access_token(token.strip(), now=clock.now())
    except keys.TokenInvalid:
        return None
    return None if revocation.is_revoked(caller.session_id) else caller


class TokenInvalid(AuthenticationFailed):
    """401 token_invalid."""

    default_code = "token_invalid"
    default_detail = text(en="The access token is invalid.", ko="액세스 토큰이 유효하지 않습니다.")


class TokenExpired(AuthenticationFailed):
    """401 token_expired: refresh it."""

    default_code = "token_expired"
    default_detail = text(en="The access token has expired.", ko="액세스 토큰이 만료되었습니다.")


class TokenRevoked(AuthenticationFailed):
    """401 token_invalid: logged out, password changed or locked out."""

    default_code = "token_invalid"
    default_detail = text(en="This login has ended.", ko="로그아웃된 세션입니다.")
