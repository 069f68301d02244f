"""The decorator of POST routes that a client may safely send again.

Semantics after draft-ietf-httpapi-idempotency-key-header, with the details of our contract.
"""

import json
import re
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from idempotency.usecases import leases
from kernel import clock
from kernel.caller import caller_of
from kernel.errors import DomainError
from kernel.http.rendering import Renderer

__all__ = ["IdempotentRequest", "OptionallyIdempotentRequest", "idempotent"]

HEADER = "Idempotency-Key"
_BARE = re.compile(r"[\x21\x23-\x7e][\x21-\x7e]{7,254}")
_QUOTED = re.compile(r'"(?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"')  # RFC 9651 string, no spaces
_LENGTHS = range(8, 256)
# Refused before anything could change: the same key may be sent again, corrected.
_REFUSED = frozenset({400, 401, 403, 429})

Handler = Callable[..., Response]


class IdempotentRequest(Request):
    """What a method under `idempotent(required=True, form=...)` receives."""

    asked: dict[str, Any]
    idempotency: leases.Lease


class OptionallyIdempotentRequest(Request):
    """What a method under `idempotent(required=False, form=...)` receives."""

    asked: dict[str, Any]
    idempotency: leases.Lease | None


def idempotent(
    *, required: bool, form: type[Serializer[Any]] | None = None
) -> Callable[[Handler], Handler]:
    """Let a view method execute once per caller, route and Idempotency-Key.

    The method finds `request.idempotency`: a `Lease`, or None where the key is optional and absent;
    and `request.asked`: the body, validated by `form` before anything is claimed, so that a refused
    body costs no statement. Stored for replay: 2xx and domain 4xx. After 400, 401, 403, 429, 5xx
    and refusals that opt out (`DomainError.kept_for_replay`) the lease is released at once.
    """

    def decorate(method: Handler) -> Handler:
        @wraps(method)
        def guarded(view: APIView, request: Request, *args: Any, **kwargs: Any) -> Response:
            key = _key(request, required=required)
            typed = cast("OptionallyIdempotentRequest", request)
            if form is not None:
                body = form(data=request.data)
                body.is_valid(raise_exception=True)
                typed.asked = body.validated_data
            if key is None:
                typed.idempotency = None
                return method(view, request, *args, **kwargs)
            found = leases.claim(
                request_key=_request_key(request, key),
                body_hash=_body_hash(request),
                now=clock.now(),
            )
            if isinstance(found, leases.StoredResponse):
                return _replayed(found)
            typed.idempotency = found
            return _execute(method, view, request, found, args, kwargs)

        return extend_schema(parameters=[_parameter(required=required)])(guarded)

    return decorate


def _execute(
    method: Handler,
    view: APIView,
    request: Request,
    lease: leases.Lease,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Response:
    refused = False
    try:
        response = method(view, request, *args, **kwargs)
    except Exception as error:  # noqa: BLE001  (translated or raised again below)
        refused = isinstance(error, DomainError) and not error.kept_for_replay
        try:
            # DRF's own translation, made here so that a domain 4xx can be stored.
            response = view.handle_exception(error)
        except Exception:
            leases.release(lease, now=clock.now(), untouched=False)
            raise
    refused = refused or response.status_code in _REFUSED
    if refused or response.status_code >= 500:
        leases.release(lease, now=clock.now(), untouched=refused)
    else:
        leases.finish(lease, response=_stored(response))
    return response


def _key(request: Request, *, required: bool) -> str | None:
    raw = request.headers.get(HEADER)
    if raw is None:
        if required:
            raise leases.KeyRequired
        return None
    raw = raw.strip(" \t")
    if _QUOTED.fullmatch(raw):
        key = re.sub(r'\\(["\\])', r"\1", raw[1:-1])
        if len(key) in _LENGTHS:
            return key
    elif _BARE.fullmatch(raw):
        return raw
    raise leases.KeyInvalid


def _request_key(request: Request, key: str) -> str:
    match = request.resolver_match
    assert match is not None
    route = f"{request.method} {match.route}"
    caller_id = str(caller_of(request).user_id)
    return sha256("\x1f".join([caller_id, route, key]).encode()).hexdigest()


def _body_hash(request: Request) -> str:
    """Hash the request: the path's arguments, the query and the parsed body.

    Parsed, so that a client that writes the same members in another order still says the same.
    """
    parts = [request.path, request.query_params.urlencode(), request.data]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _stored(response: Response) -> leases.StoredResponse:
    headers = {
        name: value for name, value in response.headers.items() if name != "Content-Type"
    }  # that one is Django's default until the response is rendered
    if response.content_type:
        headers["Content-Type"] = response.content_type
    body = "" if response.data is None else Renderer().render(response.data).decode()
    return leases.StoredResponse(response.status_code, body, headers)


def _replayed(stored: leases.StoredResponse) -> Response:
    headers = dict(stored.headers)
    content_type = headers.pop("Content-Type", None)
    return Response(
        json.loads(stored.body) if stored.body else None,
        status=stored.status,
        headers={**headers, "Idempotency-Replayed": "true"},
        content_type=content_type,
    )


def _parameter(*, required: bool) -> OpenApiParameter:
    return OpenApiParameter(
        HEADER,
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        required=required,
        description=(
            "8 to 255 visible ASCII characters, bare or in double quotes; kept for 24 hours per "
            "caller and route. The same key with the same body gets the first response again, with "
            "`Idempotency-Replayed: true`."
        ),
    )
