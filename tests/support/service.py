"""Call the service `fastpath` as its server does, and compare what it answers with Django."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from accounts.api.authentication import login_of
from fastpath.messages import Request, Response
from fastpath.service import FastPathService
from kernel.http import call_limits
from kernel.http.call_limits import CallLimits
from kernel.http.fast_path import _STATUS_LINES
from kernel.rate_limiting import throttle
from queueing.api.authentication import poller_in
from tests.support.wsgi import Answer, answer_of

_CONTENT = ("CONTENT_TYPE", "CONTENT_LENGTH")


class Answered:
    """What the service responded to one request."""

    def __init__(self, response: Response) -> None:
        self.status, self.body = response.status, response.body
        sent = response.encoded(is_last=False).partition(b"\r\n\r\n")[0].decode("latin-1")
        lines = [line.partition(": ") for line in sent.split("\r\n")[1:]]
        self.headers = [(name, value) for name, _, value in lines]

    @property
    def is_handed_over(self) -> bool:
        return self.status == 421 and ("X-Accel-Redirect", "@api") in self.headers

    def answer(self) -> Answer:
        assert len(dict(self.headers)) == len(self.headers), "a header is there twice"
        return Answer(_STATUS_LINES[self.status], sorted(self.headers), self.body)


def request_of(environ: dict[str, Any], more: Sequence[tuple[str, str]] = ()) -> Request:
    """Return a request made from a WSGI environment; `more` are further headers."""
    query = environ["QUERY_STRING"]
    sent = [
        (name.removeprefix("HTTP_").replace("_", "-").lower(), value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in _CONTENT
    ]
    content = environ["wsgi.input"]
    return Request(
        environ["REMOTE_ADDR"],
        environ["REQUEST_METHOD"],
        (environ["PATH_INFO"] + (f"?{query}" if query else "")).encode(),
        [(name.encode(), value.encode("utf-8")) for name, value in [*sent, *more]],
        content if isinstance(content, bytes) else content.read(),
    )


async def answer_to(service: FastPathService, request: Request) -> Response:
    """Return what the service responds; cancelled, the client leaves."""
    answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    answer = service.answer(request, answered.set_result)
    if isinstance(answer, Response):
        return answer
    try:
        return await answered
    except asyncio.CancelledError:
        answer.cancel()
        await asyncio.sleep(0)  # for the service to notice it
        raise


def answers_to(
    requests: Sequence[Request],
    *,
    service: Callable[[ThreadPoolExecutor], FastPathService] = FastPathService,
) -> list[Answered]:
    """Send requests to one service, all at once, and return what it responded to each."""

    async def run(executor: ThreadPoolExecutor) -> list[Answered]:
        application = service(executor)
        await application.open()
        responses = await asyncio.gather(*(answer_to(application, one) for one in requests))
        application.close()
        await asyncio.sleep(0)  # for the transport to close
        return [Answered(response) for response in responses]

    with ThreadPoolExecutor(2) as executor:
        return asyncio.run(run(executor))


def exchanges(environs: Sequence[dict[str, Any]]) -> list[Answered]:
    """Do the same with requests made from WSGI environments."""
    return answers_to([request_of(environ) for environ in environs])


def without_count(answer: Answer) -> Answer:
    """Leave out what a second attempt of the same fan must count differently."""
    headers = [(name, value) for name, value in answer.headers if name != "RateLimit"]
    return replace(answer, headers=headers)


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
