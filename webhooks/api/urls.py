"""The URLs of webhooks."""

from django.urls import path

from webhooks.api.views import (
    WebhookDeliveriesView,
    WebhookEndpointsView,
    WebhookEndpointView,
    WebhookPingView,
    WebhookReplayView,
    WebhookSecretView,
)

_ENDPOINT = "webhook-endpoints/<uuid:endpoint_id>/"

urlpatterns = [
    path("webhook-endpoints/", WebhookEndpointsView.as_view(), name="webhook-endpoints"),
    path(_ENDPOINT, WebhookEndpointView.as_view(), name="webhook-endpoint"),
    path(f"{_ENDPOINT}rotate-secret/", WebhookSecretView.as_view(), name="webhook-secret"),
    path(f"{_ENDPOINT}ping/", WebhookPingView.as_view(), name="webhook-ping"),
    path(f"{_ENDPOINT}deliveries/", WebhookDeliveriesView.as_view(), name="webhook-deliveries"),
    path(
        f"{_ENDPOINT}deliveries/<uuid:delivery_id>/replay/",
        WebhookReplayView.as_view(),
        name="webhook-replay",
    ),
]
