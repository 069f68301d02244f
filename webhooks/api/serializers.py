"""The form of endpoints and deliveries in requests and responses."""

from typing import Any

from rest_framework import serializers

from kernel.http.serializers import BoundedListField, StrictSerializer, UtcDateTimeField
from webhooks import policy
from webhooks.event_types import EVENT_TYPES, PING

DELIVERY_STATUSES = ["WAITING", "DELIVERED", "GIVEN_UP"]
DISABLED_BY = ["OWNER", "STAFF", "GONE", "FAILING"]
WEBHOOK_EVENT_TYPES = list(EVENT_TYPES)
DELIVERED_EVENT_TYPES = [*EVENT_TYPES, PING]


def _url() -> serializers.CharField:
    return serializers.CharField(
        max_length=policy.LONGEST_URL,
        help_text="https, port 443 or from 1024 on, without user, password and fragment. It must "
        "lead to public addresses, which is looked at when something is sent.",
    )


def _event_types() -> BoundedListField:
    return BoundedListField(
        child=serializers.ChoiceField(choices=WEBHOOK_EVENT_TYPES),
        min_length=1,
        max_length=2 * len(WEBHOOK_EVENT_TYPES),
    )


class WebhookEndpointRequestSerializer(StrictSerializer):
    """An endpoint to register."""

    url = _url()
    event_types = _event_types()


class WebhookEndpointChangeSerializer(StrictSerializer):
    """What to change of an endpoint; what is left out stays."""

    url = _url()
    event_types = _event_types()
    enabled = serializers.BooleanField()


class WebhookEndpointSerializer(serializers.Serializer[Any]):
    """An endpoint of the caller."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    event_types = serializers.ListField(child=serializers.ChoiceField(choices=WEBHOOK_EVENT_TYPES))
    enabled = serializers.BooleanField()
    disabled_by = serializers.ChoiceField(
        choices=DISABLED_BY,
        allow_null=True,
        help_text="GONE: it replied 410. FAILING: it failed for five days.",
    )
    failing_since = UtcDateTimeField(
        allow_null=True, help_text="The first failure since the last success."
    )
    created_at = UtcDateTimeField()
    former_secret_until = UtcDateTimeField(
        allow_null=True, help_text="How long the former secret signs beside the new one."
    )


class WebhookEndpointSecretSerializer(WebhookEndpointSerializer):
    """An endpoint with the secret that was just made."""

    secret = serializers.CharField(help_text="Shown this once: `whsec_` and 32 bytes in base64.")


class WebhookDeliveryFilterSerializer(serializers.Serializer[Any]):
    """Which deliveries to list."""

    status = serializers.ChoiceField(choices=DELIVERY_STATUSES, required=False)


class WebhookDeliverySerializer(serializers.Serializer[Any]):
    """One event for one endpoint, and how far it has come."""

    id = serializers.UUIDField()
    event_id = serializers.UUIDField(help_text="Its `webhook-id`, the same for every try.")
    event_type = serializers.ChoiceField(choices=DELIVERED_EVENT_TYPES)
    status = serializers.ChoiceField(choices=DELIVERY_STATUSES)
    tries = serializers.IntegerField()
    last_status = serializers.IntegerField(
        allow_null=True, help_text="The HTTP status of the last try; null: there was none."
    )
    last_response = serializers.CharField(
        help_text="The beginning of the last response, at most 1 KiB."
    )
    failure = serializers.CharField(help_text="Why the last try failed; empty: it did not.")
    created_at = UtcDateTimeField()
    last_tried_at = UtcDateTimeField(allow_null=True)
    next_try_at = UtcDateTimeField(allow_null=True)
    delivered_at = UtcDateTimeField(allow_null=True)
