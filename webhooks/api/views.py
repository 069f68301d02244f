"""The views of integrators: endpoints, their secrets, and what was delivered."""

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import JWTAuthentication
from accounts.api.machines import ApiKeyAuthentication
from accounts.api.permissions import ByKeyOrGroup
from kernel import clock
from kernel.caller import Machine, caller_of
from kernel.http.pagination import NewestFirst
from kernel.http.serializers import ProblemSerializer, validated
from webhooks import queries
from webhooks.api.serializers import (
    WebhookDeliveryFilterSerializer,
    WebhookDeliverySerializer,
    WebhookEndpointChangeSerializer,
    WebhookEndpointRequestSerializer,
    WebhookEndpointSecretSerializer,
    WebhookEndpointSerializer,
)
from webhooks.queries import WebhookOwner
from webhooks.usecases import deliveries, endpoints

_LOGIN = dict.fromkeys((401, 403), ProblemSerializer)
_FOUND = {**_LOGIN, 404: ProblemSerializer}
_BODY = dict.fromkeys((400, 413), ProblemSerializer)
_TAGS = ["webhooks"]
_REQUEST = OpenApiExample(
    "Every sale",
    request_only=True,
    value={
        "url": "https://hooks.example.com/frontrow",
        "event_types": ["payment.paid", "reservation.confirmed"],
    },
)


class MayManageWebhooks(ByKeyOrGroup):
    """A machine of an integrator, or a login of an integrator or of staff."""

    scope = "webhooks:manage"
    groups = frozenset(queries.GROUPS)


class WebhookView(APIView):
    """The base: an API key with `webhooks:manage`, or a login of integrator or staff."""

    authentication_classes = (JWTAuthentication, ApiKeyAuthentication)
    permission_classes = (MayManageWebhooks,)


class WebhookEndpointsView(WebhookView):
    """The caller's endpoints."""

    pagination_class = NewestFirst

    @extend_schema(
        operation_id="webhook_endpoints_list",
        tags=_TAGS,
        summary="List my webhook endpoints, newest first",
        responses={200: WebhookEndpointSerializer(many=True), **_FOUND, 400: ProblemSerializer},
        filters=True,
    )
    def get(self, request: Request) -> Response:
        """List the caller's endpoints."""
        paginator = self.pagination_class()
        rows = queries.endpoints_of(_owner(request))
        page = paginator.paginate_queryset(rows, request, view=self)
        details = queries.endpoint_details(page or [], now=clock.now())
        return paginator.get_paginated_response(WebhookEndpointSerializer(details, many=True).data)

    @extend_schema(
        operation_id="webhook_endpoints_create",
        tags=_TAGS,
        summary="Register a webhook endpoint",
        description="Events are sent as CloudEvents, signed by Standard Webhooks. `secret` is "
        "shown this once. Events of before are not sent.",
        request=WebhookEndpointRequestSerializer,
        responses={
            201: WebhookEndpointSecretSerializer,
            **_LOGIN,
            **_BODY,
            409: ProblemSerializer,
        },
        examples=[_REQUEST],
    )
    def post(self, request: Request) -> Response:
        """Register an endpoint."""
        given = validated(WebhookEndpointRequestSerializer, request.data)
        made = endpoints.register(owner=_owner(request), now=clock.now(), **given)
        return Response(WebhookEndpointSecretSerializer(made).data, status=201)


class WebhookEndpointView(WebhookView):
    """One endpoint of the caller."""

    @extend_schema(
        operation_id="webhook_endpoints_retrieve",
        tags=_TAGS,
        summary="Look at my webhook endpoint",
        responses={200: WebhookEndpointSerializer, **_FOUND},
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """Return the endpoint; others' answer 404."""
        row = queries.find_endpoint(endpoint_id=endpoint_id, owner=_owner(request))
        detail = queries.endpoint_detail(row, now=clock.now())
        return Response(WebhookEndpointSerializer(detail).data)

    @extend_schema(
        operation_id="webhook_endpoints_change",
        tags=_TAGS,
        summary="Change, disable or enable my webhook endpoint",
        description="What waits for a disabled endpoint is given up, and can be replayed.",
        request=WebhookEndpointChangeSerializer(partial=True),
        responses={200: WebhookEndpointSerializer, **_FOUND, **_BODY},
    )
    def patch(self, request: Request, endpoint_id: UUID) -> Response:
        """Change what is given."""
        owner = _owner(request)
        given = validated(WebhookEndpointChangeSerializer, request.data, partial=True)
        changed = endpoints.change(
            endpoint_id=endpoint_id, owner=owner, changes=given, now=clock.now()
        )
        return Response(WebhookEndpointSerializer(changed).data)

    @extend_schema(
        operation_id="webhook_endpoints_destroy",
        tags=_TAGS,
        summary="Remove my webhook endpoint",
        responses={204: None, **_FOUND},
    )
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        """Remove it, with its delivery log."""
        endpoints.remove(endpoint_id=endpoint_id, owner=_owner(request), now=clock.now())
        return Response(status=204)


class WebhookSecretView(WebhookView):
    """The secret of an endpoint."""

    @extend_schema(
        operation_id="webhook_endpoints_rotate_secret",
        tags=_TAGS,
        summary="Renew the secret of my webhook endpoint",
        description="For a day webhooks carry a signature by each of the two.",
        request=None,
        responses={200: WebhookEndpointSecretSerializer, **_FOUND},
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Renew it, and show it this once."""
        renewed = endpoints.rotate_secret(
            endpoint_id=endpoint_id, owner=_owner(request), now=clock.now()
        )
        return Response(WebhookEndpointSecretSerializer(renewed).data)


class WebhookPingView(WebhookView):
    """A try of an endpoint."""

    @extend_schema(
        operation_id="webhook_endpoints_ping",
        tags=_TAGS,
        summary="Send a ping to my webhook endpoint",
        description="An event of type `webhook.ping` is sent like any other; see its delivery.",
        request=None,
        responses={202: WebhookDeliverySerializer, **_FOUND, 409: ProblemSerializer},
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Have a ping sent."""
        waiting = deliveries.ping(endpoint_id=endpoint_id, owner=_owner(request), now=clock.now())
        return Response(WebhookDeliverySerializer(waiting).data, status=202)


class WebhookDeliveriesView(WebhookView):
    """The delivery log of an endpoint."""

    pagination_class = NewestFirst

    @extend_schema(
        operation_id="webhook_deliveries_list",
        tags=_TAGS,
        summary="List the deliveries to my webhook endpoint, newest first",
        parameters=[WebhookDeliveryFilterSerializer],
        responses={200: WebhookDeliverySerializer(many=True), **_FOUND, 400: ProblemSerializer},
        filters=True,
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """List the deliveries, by the time of their events."""
        endpoint = queries.find_endpoint(endpoint_id=endpoint_id, owner=_owner(request))
        wanted = validated(WebhookDeliveryFilterSerializer, request.query_params.dict())
        rows = queries.deliveries_of(endpoint.pk, **wanted)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(rows, request, view=self)
        details = queries.delivery_details(page or [])
        return paginator.get_paginated_response(WebhookDeliverySerializer(details, many=True).data)


class WebhookReplayView(WebhookView):
    """One delivery, once more."""

    @extend_schema(
        operation_id="webhook_deliveries_replay",
        tags=_TAGS,
        summary="Send a delivery to my webhook endpoint again",
        description="Under the same `webhook-id`, whatever became of it.",
        request=None,
        responses={202: WebhookDeliverySerializer, **_FOUND, 409: ProblemSerializer},
    )
    def post(self, request: Request, endpoint_id: UUID, delivery_id: UUID) -> Response:
        """Have it tried again."""
        waiting = deliveries.replay(
            endpoint_id=endpoint_id,
            delivery_id=delivery_id,
            owner=_owner(request),
            now=clock.now(),
        )
        return Response(WebhookDeliverySerializer(waiting).data, status=202)


def _owner(request: Request) -> WebhookOwner:
    if isinstance(request.user, Machine):
        machine = request.user
        return WebhookOwner(api_key_id=machine.key_id, performances=machine.performances)
    return WebhookOwner(user_id=caller_of(request).user_id)
