"""Call the service `fastpath` as its server does, and compare what it answers with Django."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from accounts.api.authentication import login_of
from fastpath.service import FastPathService
from kernel.http import call_limits
from kernel.http.call_limits import CallLimits
from kernel.http.fast_path import _STATUS_LINES
from kernel.rate_limiting import throttle
from queueing.api.authentication import poller_in
from tests.support.wsgi import Answer, answer_of

_CONTENT = ("CONTENT_TYPE", "CONTENT_LENGTH")


class FakeHeaders:
    """Headers as granian shows them: names in small letters, values that are plain text alone."""

    def __init__(self, sent: Sequence[tuple[str, str]]) -> None:
        self._sent = sent

    def keys(self) -> list[str]:
        return [name for name, _ in self._sent]

    def get(self, key: str) -> str | None:
        return dict(self._sent).get(key)

    def __contains__(self, key: str) -> bool:
        return key in self.keys()

    def items(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self._sent if value.isascii()]


class FakeScope:
    """A request's scope, made from a WSGI environment; `more` are further headers."""

    def __init__(self, environ: dict[str, Any], more: Sequence[tuple[str, str]] = ()) -> None:
        self.method = environ["REQUEST_METHOD"]
        self.path = environ["PATH_INFO"]
        self.query_string = environ["QUERY_STRING"]
        self.scheme = environ["wsgi.url_scheme"]
        self.client = f"{environ['REMOTE_ADDR']}:40000"
        self.authority = None
        sent = [
            (name.removeprefix("HTTP_").replace("_", "-").lower(), value)
            for name, value in environ.items()
            if name.startswith("HTTP_") or name in _CONTENT
        ]
        self.headers = FakeHeaders([*sent, *more])


class FakeExchange:
    """Keeps what the service responds."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.is_read = False
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body = b""

    async def __call__(self) -> bytes:
        assert not self.is_read, "a body is read once"
        self.is_read = True
        return self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = await self()
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        assert not self.status, "two responses"
        self.status, self.headers, self.body = status, headers, body

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.response_bytes(status, headers, b"")

    @property
    def is_handed_over(self) -> bool:
        return (self.status, self.headers) == (421, [("X-Accel-Redirect", "@api")])

    def answer(self) -> Answer:
        assert len(dict(self.headers)) == len(self.headers), "a header is there twice"
        return Answer(_STATUS_LINES[self.status], sorted(self.headers), self.body)


def exchanges(
    environs: Sequence[dict[str, Any]],
    *,
    service: Callable[[ThreadPoolExecutor], FastPathService] = FastPathService,
) -> list[FakeExchange]:
    """Send requests to one service, all at once, and return what it responded to each."""

    async def run(executor: ThreadPoolExecutor) -> list[FakeExchange]:
        application = service(executor)
        made = [FakeExchange(environ["wsgi.input"]) for environ in environs]
        await asyncio.gather(
            *(
                application.__rsgi__(FakeScope(environ), exchange)
                for environ, exchange in zip(environs, made, strict=True)
            )
        )
        return made

    with ThreadPoolExecutor(2) as executor:
        return asyncio.run(run(executor))


class ServiceTwins:
    """Django behind the call limits, and the service in front of it.

    In the product each counts client IPs in a process of its own; `passed_on` counts what the
    service handed over.
    """

    def __init__(self) -> None:
        self._limited = CallLimits(
            WSGIHandler(), caller_of=lambda environ: login_of(environ) or poller_in(environ)
        )
        self.passed_on = 0

    def both(self, environ: dict[str, Any]) -> tuple[Answer, Answer]:
        """Return Django's answer and the service's."""
        slow = answer_of(self.django, environ)
        throttle.forget_callers()
        fast = answer_of(self.fast, environ)
        throttle.forget_callers()
        return slow, fast

    def django(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer by Django; a WSGI application."""
        call_limits.forget_client_ips()
        return self._limited(environ, start_response)

    def fast(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """Answer by the service, or by Django what it hands over; a WSGI application."""
        call_limits.forget_client_ips()
        content = environ["wsgi.input"].read()
        [made] = exchanges([{**environ, "wsgi.input": content}])
        if made.is_handed_over:
            self.passed_on += 1
            answer = answer_of(self.django, {**environ, "wsgi.input": content})
        else:
            answer = made.answer()
        start_response(answer.status, answer.headers)
        return [answer.body]
