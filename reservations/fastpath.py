"""Holding chosen seats, answered in front of Django.

In an on-sale most wishes lose: the seat is taken, and the gate says so in one call. Walking
through the whole of Django to hear that would cost ten times the work. So the usual wish (a list
of seats, no Idempotency-Key) is answered here (Note [Fast path]); every other one, and every
failed login, goes on to Django untouched.
"""

import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils import translation
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
    language,
    parsed_body,
    refusal,
)
from kernel.http.rendering import Renderer
from kernel.http.stands_for import StandsFor, check_declared
from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from kernel.rate_limiting.headers import RateLimitStatus, limit_headers
from kernel.telemetry import context
from kernel.telemetry.access_log import RequestOutcome
from reservations import policy
from reservations.api.serializers import HoldRequestSerializer, ReservationSerializer
from reservations.api.views import ReservationsView
from reservations.queries import ReservationDetail
from reservations.usecases import holds

_Wish = tuple[UUID, list[UUID]]

_PATH = "/api/v1/reservations/"
_UUID_LENGTH = 36
# What is checked below (Note [Fast paths stand for views] in kernel/http/stands_for.py).
STANDS_FOR = (StandsFor(ReservationsView, "POST", permissions=(IsFan,), throttle_route=None),)


class HoldFastPath:
    """A WSGI application that answers usual wishes and hands on the rest."""

    def __init__(self, application: Application) -> None:
        check_declared(*STANDS_FOR)
        self._application = application
        self._responder = FastPathResponder()
        self._allow = allow_header(ReservationsView)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or let Django answer."""
        if (
            environ["PATH_INFO"] != _PATH
            or environ["REQUEST_METHOD"] != "POST"
            or "HTTP_IDEMPOTENCY_KEY" in environ
            or environ.get("CONTENT_TYPE") != JSON
            or not self._responder.is_eligible(environ)
        ):
            return self._application(environ, start_response)
        started = time.perf_counter()
        caller = caller_in(environ)
        if caller is None:
            return self._application(environ, start_response)
        asked = _asked(environ, caller)
        if asked is None:
            return self._application(environ, start_response)
        correlation = context.received_in(environ)
        with context.correlated(correlation), context.annotated() as annotations:
            answer = asked if isinstance(asked, RawResponse) else _hold(environ, asked, caller)
            if answer is None:
                return self._application(environ, start_response)
            answer.headers.append(self._allow)
            return self._responder.send(
                answer,
                environ,
                start_response,
                view="reservations",
                request_id=correlation.request_id,
                started=started,
                outcome=RequestOutcome(user_id=str(caller.user_id), **annotations),
            )


def _asked(environ: dict[str, Any], caller: Caller) -> _Wish | RawResponse | None:
    """Return which seats are wanted, or the refusal of a body that is no hold; else None."""
    spent = throttle.count_person(environ, caller.user_id)
    if spent is not None:
        return refusal(Throttled(spent.wait), environ, spent.headers)
    if not int(environ.get("CONTENT_LENGTH") or 0):
        return None
    asked = parsed_body(environ)
    if isinstance(asked, APIException):
        return refusal(asked, environ)
    wish = _wish(asked)
    if wish is None:
        error = form_refusal(environ, asked, HoldRequestSerializer)
        return None if error is None else refusal(error, environ)
    return wish


def _wish(asked: dict[str, Any]) -> _Wish | None:
    """Return which seats are wanted; None where the body says anything else."""
    if asked.keys() != {"performance_id", "seat_ids"}:
        return None
    seats = asked["seat_ids"]
    if not isinstance(seats, list) or not policy.fits_a_request(len(seats)):
        return None
    try:
        return _uuid(asked["performance_id"]), [_uuid(seat) for seat in seats]
    except ValueError:
        return None


def _uuid(value: object) -> UUID:
    """Return an id in its usual form; raises ValueError for other forms, which Django may take."""
    if not isinstance(value, str) or len(value) != _UUID_LENGTH:
        raise ValueError(value)
    return UUID(value)


def _hold(environ: dict[str, Any], wish: _Wish, caller: Caller) -> RawResponse | None:
    """Place the hold; None for a defect, which Django meets again and reports.

    It may: what a failed hold had done is undone, and an unknown outcome is no defect.
    """
    limit_status = RateLimitStatus()  # the gate's function counts
    try:
        performance_id, seat_ids = wish
        held = holds.place(
            user_id=caller.user_id,
            performance_id=performance_id,
            seat_ids=seat_ids,
            reservation_id=uuid7(),
            queue_token=environ.get("HTTP_X_QUEUE_TOKEN"),
            now=clock.now(),
            client_ip=client_ip_in(environ),
            limit_status=limit_status,
        )
    except Exception as error:  # noqa: BLE001  (those unknown to the handler go on to Django)
        return refusal(error, environ, limit_status.fields)
    finally:
        release_connections()
    headers = [("Content-Type", JSON), PRIVATE, *limit_headers(limit_status.fields)]
    return RawResponse(201, _rendered(held, environ), headers)


def _rendered(held: ReservationDetail, environ: dict[str, Any]) -> bytes:
    with translation.override(language(environ)):
        rendered: bytes = Renderer().render(ReservationSerializer(held).data)
    return rendered
