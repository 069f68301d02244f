"""Calls of the sign-in provider over HTTP: each ends in time, and few threads wait for one.

Note [Calls of the provider]
A call ends after `CALL_SECONDS`, follows no redirect (they carry our secret) and reads no more than
`LONGEST_REPLY`. People signing in hold threads that all others need too: so `AT_ONCE` of a process
may be at it, and after many failures a breaker says at once that the provider is unavailable. What
it publishes of itself (its endpoints, its keys) is kept for `KEPT_SECONDS`. What is said of a
failure, to people or in logs, is never what was sent or received, but the kind of it.
"""

import base64
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx
from allauth.socialaccount.providers.base import ProviderException

from kernel.caching.short_lived import ShortLivedCache
from kernel.outbound.breaker import RatioBreaker
from kernel.redis.breaker import DependencyUnavailable

CONNECT_SECONDS = 2.0
CALL_SECONDS = 5.0
LONGEST_REPLY = 256 * 1024
KEPT_SECONDS = 300.0
AT_ONCE = 4
_WAIT_SECONDS = 0.5
_CODE = re.compile(r"[a-z_]{1,40}")
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OK = 200
_OUR_FAULT = 400  # from here on the provider says that we, or the code, are wrong


class SignInFailed(ProviderException):
    """A sign-in by the provider comes to nothing.

    `reason` is one of `storefront.words.signing_in`, for people; `detail`, of our own words, for
    the log.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason, self.detail = reason, detail


class _NoAnswer(Exception):
    """No connection, a time-out, 5xx, or what is no JSON object."""


@dataclass(frozen=True, slots=True)
class ProviderReply:
    """What the provider replied: a status below 500, and a JSON object (empty with a refusal)."""

    status: int
    document: Mapping[str, Any]

    @property
    def is_success(self) -> bool:
        return self.status == _OK

    @property
    def said(self) -> str:
        """The status and the error code of OAuth 2.0, for the log."""
        code = self.document.get("error")
        known = isinstance(code, str) and _CODE.fullmatch(code)
        return f"status {self.status} {code if known else ''}".rstrip()


class ProviderHttp:
    """The connections to one provider, its breaker and what it publishes, for all threads."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        # Nothing of the environment (proxies, netrc) decides where our secret goes.
        self._client = httpx.Client(
            timeout=httpx.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=AT_ONCE, keepalive_expiry=3.0),
            follow_redirects=False,
            trust_env=False,
        )
        self._breaker = RatioBreaker("sign_in_provider", failures_on=(_NoAnswer,))
        self._published: ShortLivedCache[str, Mapping[str, Any]] = ShortLivedCache(
            seconds=KEPT_SECONDS, limit=8
        )
        self._threads = threading.BoundedSemaphore(AT_ONCE)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let few threads wait for the provider. Raises `SignInFailed`."""
        if not self._threads.acquire(timeout=_WAIT_SECONDS):
            raise SignInFailed("unavailable", "too many people are signing in by the provider")
        try:
            yield
        finally:
            self._threads.release()

    def endpoints(self) -> Mapping[str, Any]:
        """Return the provider's discovery document. Raises `SignInFailed`."""
        url = f"{self._server_url}/.well-known/openid-configuration"
        return self._published.get(url, lambda: self._checked(self._get(url)))

    def keys(self, *, renewed: bool = False) -> list[Any]:
        """Return its public keys; `renewed`: not those that are kept. Raises `SignInFailed`."""
        url: str = self.endpoints()["jwks_uri"]
        if renewed:
            self._published.drop(url)
        found = self._published.get(url, lambda: self._get(url)).get("keys")
        return found if isinstance(found, list) else []

    def trade(
        self, form: Mapping[str, str], *, client_id: str, secret: str, basic: bool
    ) -> Mapping[str, Any]:
        """Trade a code at the token endpoint. Raises `SignInFailed`."""
        headers = {}
        if basic:
            named = f"{quote_plus(client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(named.encode()).decode()}"
        else:
            form = {**form, "client_id": client_id, "client_secret": secret}
        reply = self._call("POST", self.endpoints()["token_endpoint"], form, headers)
        if not reply.is_success:
            raise SignInFailed("failed", f"the token endpoint: {reply.said}")
        return reply.document

    def userinfo(self, access_token: str) -> Mapping[str, Any]:
        """Return what the provider says of the person. Raises `SignInFailed`."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return self._get(self.endpoints()["userinfo_endpoint"], headers)

    def _get(self, url: str, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        reply = self._call("GET", url, None, headers or {})
        if not reply.is_success:
            raise SignInFailed("unavailable", f"{urlsplit(url).path}: {reply.said}")
        return reply.document

    def _checked(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Refuse a document of another issuer (Discovery 1.0, 4.3), and one that leads into clear.

        A server that is asked by https names only addresses of https.
        """
        if str(document.get("issuer", "")).rstrip("/") != self._server_url:
            raise SignInFailed("unavailable", "the discovery document is of another issuer")
        scheme = urlsplit(self._server_url).scheme
        optional = ("userinfo_endpoint",) if "userinfo_endpoint" in document else ()
        for name in (*_ENDPOINTS, *optional):
            found = urlsplit(str(document.get(name, "")))
            if found.scheme not in ("https", scheme) or not found.hostname:
                raise SignInFailed("unavailable", f"the discovery document: {name}")
        return document

    def _call(
        self, method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> ProviderReply:
        try:
            return self._breaker.call(lambda: self._exchange(method, url, form, headers))
        except _NoAnswer as error:
            raise SignInFailed("unavailable", f"{urlsplit(url).path}: {error}") from None
        except DependencyUnavailable:
            raise SignInFailed("unavailable", "the breaker is open") from None

    def _exchange(
        self, method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> ProviderReply:
        deadline = time.monotonic() + CALL_SECONDS
        headers = {"Accept": "application/json", **headers}
        try:
            with self._client.stream(method, url, data=form, headers=headers) as response:
                content = _read(response, deadline)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            raise _NoAnswer(type(error).__name__) from None
        return _understood(response.status_code, content)


@cache
def provider_http(server_url: str) -> ProviderHttp:
    """Return this process's connections to a provider."""
    return ProviderHttp(server_url)


def _read(response: httpx.Response, deadline: float) -> bytes:
    """Return the body; a slow or endless one ends at the deadline or at the longest reply."""
    received = bytearray()
    for piece in response.iter_bytes():
        received += piece
        if len(received) > LONGEST_REPLY:
            raise _NoAnswer("the reply is too long")
        if time.monotonic() > deadline:
            raise _NoAnswer("the reply takes too long")
    return bytes(received)


def _understood(status: int, content: bytes) -> ProviderReply:
    is_refusal = _OUR_FAULT <= status < 500
    if status != _OK and not is_refusal:
        raise _NoAnswer(f"status {status}")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        return ProviderReply(status, document)
    if is_refusal:
        return ProviderReply(status, {})
    raise _NoAnswer("the reply is no JSON object")
