"""The fast path of the waiting room: its busiest requests, answered in front of Django.

Joining, polling the own place and the public status are most of what an on-sale sends. Here each
is: verify the login (for a poll the join token is enough), one call of the use case, bytes out
(Note [Fast path]). Whatever is not exactly such a request, and every failed login, goes on to
Django, which answers it in full.
"""

import json
import time
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from uuid import UUID

from rest_framework.exceptions import APIException, Throttled

from accounts.api.authentication import caller_in
from accounts.api.permissions import IsFan
from kernel import clock
from kernel.caller import Caller, client_ip_in
from kernel.db.release import release_connections
from kernel.http.fast_path import (
    JSON,
    PRIVATE,
    Application,
    FastPathResponder,
    RawResponse,
    StartResponse,
    allow_header,
    form_refusal,
    parsed_body,
    refusal,
)
from kernel.http.kept_refusals import CACHING, is_kept
from kernel.http.stands_for import StandsFor, check_declared
from kernel.rate_limiting import throttle
from kernel.rate_limiting.headers import RateLimitStatus, limit_headers
from kernel.telemetry import context
from kernel.telemetry.access_log import RequestOutcome
from queueing.api.authentication import (
    ROOM_PATH,
    JoinTokenAuthentication,
    holder_in,
    proof_in,
)
from queueing.api.serializers import JoinSerializer
from queueing.api.views import STATUS_CACHING, MyPlaceView, QueueView
from queueing.fan_requests import Applicant
from queueing.places import QueuePlace
from queueing.room_status import PublicStatus
from queueing.usecases import waiting_room

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_BARE_BODIES = {b"", b"{}"}
# What is checked below (Note [Fast paths stand for views] in kernel/http/stands_for.py).
STANDS_FOR = (
    StandsFor(QueueView, "GET", permissions=(), throttle_route=None),
    StandsFor(QueueView, "POST", permissions=(IsFan,), throttle_route=None),
    StandsFor(
        MyPlaceView,
        "GET",
        permissions=(IsFan,),
        throttle_route="poll",
        proofs=(JoinTokenAuthentication,),
    ),
)


class QueueFastPath:
    """A WSGI application that answers these requests and passes on the rest."""

    def __init__(self, application: Application) -> None:
        check_declared(*STANDS_FOR)
        self._application = application
        self._responder = FastPathResponder()
        self._status_bytes: dict[UUID, tuple[PublicStatus, bytes]] = {}
        self._allow = {view: allow_header(view) for view in (QueueView, MyPlaceView)}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or let Django answer."""
        path = ROOM_PATH.fullmatch(environ["PATH_INFO"])
        if path is None or not self._responder.is_eligible(environ):
            return self._application(environ, start_response)
        started = time.perf_counter()
        performance_id, own = UUID(path[1]), path[2] is not None
        correlation = context.received_in(environ)
        with context.correlated(correlation), context.annotated() as annotations:
            answer = self._answer(environ, performance_id, own=own)
            if answer is None:
                return self._application(environ, start_response)
            answer.headers.append(self._allow[MyPlaceView if own else QueueView])
            return self._responder.send(
                answer,
                environ,
                start_response,
                view="queue-me" if own else "queue",
                request_id=correlation.request_id,
                started=started,
                outcome=RequestOutcome(**annotations),
            )

    def _answer(
        self, environ: dict[str, Any], performance_id: UUID, *, own: bool
    ) -> RawResponse | None:
        method = environ["REQUEST_METHOD"]
        if method == "GET" and not own:
            answer = self._guarded(
                environ, RateLimitStatus(), lambda: self._status(environ, performance_id)
            )
            if answer and is_kept(answer.status) and "HTTP_AUTHORIZATION" not in environ:
                answer.headers.append(CACHING)
            return answer
        if own != (method == "GET") or method not in ("GET", "POST"):
            return None
        caller = caller_in(environ) or (holder_in(environ, performance_id) if own else None)
        if caller is None:
            return None
        if isinstance(caller, Exception):
            return refusal(caller, environ)
        context.annotate("user_id", str(caller.user_id))
        spent = throttle.count_person(environ, caller.user_id)
        if spent is not None:
            return refusal(Throttled(spent.wait), environ, spent.headers)
        if method == "POST" and not _has_bare_body(environ):
            return _refused_body(environ)
        limit_status = RateLimitStatus()

        def serve() -> RawResponse:
            if own:  # a join is counted by the function that does it
                _count_poll(caller, limit_status)
            place = _place(environ, performance_id, caller, limit_status, own=own)
            status = 201 if place.created and not own else 200
            return RawResponse(
                status,
                _dumped(place.as_json()),
                [("Content-Type", JSON), PRIVATE, *limit_headers(limit_status.fields)],
            )

        return self._guarded(environ, limit_status, serve)

    def _guarded(
        self,
        environ: dict[str, Any],
        limit_status: RateLimitStatus,
        serve: Callable[[], RawResponse],
    ) -> RawResponse | None:
        """Return what `serve` returns or its refusal; None for a defect, which Django reports."""
        try:
            return serve()
        except Exception as error:  # noqa: BLE001  (those unknown to the handler go on to Django)
            return refusal(error, environ, limit_status.fields)
        finally:
            release_connections()  # a cold room has asked PostgreSQL

    def _status(self, environ: dict[str, Any], performance_id: UUID) -> RawResponse:
        status = waiting_room.public_status(performance_id=performance_id, now=clock.now())
        known = self._status_bytes.get(performance_id)
        if known is None or known[0] is not status:
            if len(self._status_bytes) > 1000:
                self._status_bytes.clear()
            known = self._status_bytes[performance_id] = (status, _dumped(status.as_json()))
        private = "HTTP_AUTHORIZATION" in environ
        caching = PRIVATE if private else ("Cache-Control", STATUS_CACHING)
        return RawResponse(200, known[1], [("Content-Type", JSON), caching])


def _has_bare_body(environ: dict[str, Any]) -> bool:
    """Return whether the body is empty or `{}`; what was read of another one is put back."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length == 0:
        return True
    if length > 2 or environ.get("CONTENT_TYPE") != JSON:
        return False
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = BytesIO(body)
    return body in _BARE_BODIES


def _refused_body(environ: dict[str, Any]) -> RawResponse | None:
    """Return the refusal of a body that is no join; None for one that Django takes."""
    if environ.get("CONTENT_TYPE") != JSON:
        return None
    body = parsed_body(environ)
    if isinstance(body, APIException):
        return refusal(body, environ)
    error = form_refusal(environ, body, JoinSerializer)
    return None if error is None else refusal(error, environ)


def _count_poll(caller: Caller, limit_status: RateLimitStatus) -> None:
    counted = throttle.count("poll", str(caller.user_id))
    limit_status.fields = counted.headers
    if counted.wait is not None:
        raise Throttled(counted.wait)


def _place(
    environ: dict[str, Any],
    performance_id: UUID,
    caller: Caller,
    limit_status: RateLimitStatus,
    *,
    own: bool,
) -> QueuePlace:
    token, now = environ.get("HTTP_X_QUEUE_TOKEN"), clock.now()
    if own:
        return waiting_room.poll(
            user_id=caller.user_id,
            performance_id=performance_id,
            token=token,
            now=now,
            proof=proof_in(environ),
        )
    return waiting_room.join(
        user_id=caller.user_id,
        performance_id=performance_id,
        token=token,
        now=now,
        applicant=Applicant(client_ip_in(environ), caller.is_staff),
        limit_status=limit_status,
    )


def _dumped(document: dict[str, Any]) -> bytes:
    return _encode(document).encode()
