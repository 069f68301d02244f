"""The authentication of the API: `Authorization: Bearer` to a caller, without SQL or Redis."""

from datetime import datetime
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import revocation, tokens
from kernel import clock
from kernel.caller import Caller
from kernel.errors import DomainError, ServiceUnavailable
from kernel.i18n import text
from kernel.signing.jwt import JwtExpired, JwtInvalid

_SCHEME = "bearer"
_LOGIN = "frontrow.login"
CHALLENGE = 'Bearer realm="frontrow"'  # of RFC 6750


class JWTAuthentication(BaseAuthentication):
    """Accept an access token signed by our key, until it expires or its login is revoked.

    django-allauth's own class knows one key and reads the user row; this one needs neither.
    """

    def authenticate(self, request: Request) -> tuple[Caller, str] | None:
        """Return the caller and the token; None without a bearer token; 401 for a bad one."""
        login = login_of(request.META)
        if isinstance(login, Exception):
            raise login
        return None if login is None else (login, request.META["HTTP_AUTHORIZATION"])

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return CHALLENGE


def login_of(environ: dict[str, Any]) -> "Caller | AuthenticationFailed | DomainError | None":
    """Return the caller, the reason to refuse the token, or None where there is no token.

    A domain error says why it can't be judged now. Never raises: nothing in front of Django would
    handle that. Read once a request, at the first call: the result stays in the environment.
    """
    if _LOGIN not in environ:
        header = environ.get("HTTP_AUTHORIZATION", "")
        environ[_LOGIN] = login_from(header, now=clock.now())
    login: Caller | AuthenticationFailed | DomainError | None = environ[_LOGIN]
    return login


def login_from(
    header: str, *, now: datetime, by_mac: bool = False
) -> "Caller | AuthenticationFailed | DomainError | None":
    """Return what `login_of` does, of an `Authorization` header; `by_mac` as for tokens."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != _SCHEME:
        return None
    try:
        caller = tokens.read_access_token(token.strip(" "), now=now, by_mac=by_mac)
    except JwtExpired:
        return TokenExpired()
    except JwtInvalid:
        return TokenInvalid()
    try:
        return TokenRevoked() if revocation.is_revoked(caller.session_id) else caller
    except ServiceUnavailable as error:
        return error


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
