"""The decorator of POST routes that a client may safely send again.

Semantics after draft-ietf-httpapi-idempotency-key-header, with the details of our contract.
"""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from idempotency.requests import KeyedRequest, key_in, keyed_request
from idempotency.usecases import endings, leases
from idempotency.values import Lease, StoredResponse
from kernel import clock
from kernel.caller import caller_of
from kernel.http.rendering import Renderer
from kernel.http.serializers import validated

__all__ = ["IdempotentRequest", "OptionallyIdempotentRequest", "idempotent"]

HEADER = "Idempotency-Key"

Handler = Callable[..., Response]


class IdempotentRequest(Request):
    """What a method under `idempotent(required=True, form=...)` receives."""

    asked: dict[str, Any]
    idempotency: Lease


class OptionallyIdempotentRequest(Request):
    """What a method under `idempotent(required=False, form=...)` receives."""

    asked: dict[str, Any]
    idempotency: Lease | None


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
            key = key_in(request.headers.get(HEADER), required=required)
            typed = cast("OptionallyIdempotentRequest", request)
            if form is not None:
                typed.asked = validated(form, request.data)
            if key is None:
                typed.idempotency = None
                return method(view, request, *args, **kwargs)
            keyed = _keyed(request, key)
            found = leases.claim(
                request_key=keyed.request_key, body_hash=keyed.body_hash, now=clock.now()
            )
            if isinstance(found, StoredResponse):
                return _replayed(found)
            typed.idempotency = found
            return _execute(method, view, request, found, args, kwargs)

        return extend_schema(parameters=[_parameter(required=required)])(guarded)

    return decorate


def _execute(
    method: Handler,
    view: APIView,
    request: Request,
    lease: Lease,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Response:
    refusal: Exception | None = None
    try:
        response = method(view, request, *args, **kwargs)
    except Exception as error:  # noqa: BLE001  (translated or raised again below)
        refusal = error
        try:
            # DRF's own translation, made here so that a domain 4xx can be stored.
            response = view.handle_exception(error)
        except Exception:
            endings.close(endings.ending_of(lease, response=None), now=clock.now())
            raise
    ending = endings.ending_of(lease, response=_stored(response), error=refusal)
    endings.close(ending, now=clock.now())
    return response


def _keyed(request: Request, key: str) -> KeyedRequest:
    match = request.resolver_match
    assert match is not None
    return keyed_request(
        key,
        user_id=caller_of(request).user_id,
        method=str(request.method),
        route=match.route,
        path=request.path,
        query=request.query_params.urlencode(),
        body=request.data,
    )


def _stored(response: Response) -> StoredResponse:
    headers = {
        name: value for name, value in response.headers.items() if name != "Content-Type"
    }  # that one is Django's default until the response is rendered
    if response.content_type:
        headers["Content-Type"] = response.content_type
    body = "" if response.data is None else Renderer().render(response.data).decode()
    return StoredResponse(response.status_code, body, headers)


def _replayed(stored: StoredResponse) -> Response:
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
