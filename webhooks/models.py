"""Endpoints of integrators, and what was or is to be delivered to each."""

from django.db import models
from django.db.models import Q

from kernel.db.fields import UUID7Field
from kernel.i18n import text
from webhooks import policy


class WebhookEndpoint(models.Model):
    """A URL that gets events, of one person or one API key.

    `performance_ids` are those of the key that registered it; empty: all. The secrets are encrypted
    (Note [Webhook secrets] in signing.py). One that fails rests until `paused_until`; `claimed_at`
    is its last turn (Note [Fair turns] in locking.py).
    """

    class DisabledBy(models.TextChoices):
        """Why nothing is sent."""

        OWNER = "OWNER", text(en="Its owner", ko="소유자")
        STAFF = "STAFF", text(en="Staff", ko="운영자")
        GONE = "GONE", text(en="The receiver: 410 Gone", ko="수신 측 410 응답")
        FAILING = "FAILING", text(en="Days of failures", ko="장기간 전송 실패")

    id = UUID7Field()
    user_id = models.UUIDField(null=True, editable=False)
    api_key_id = models.UUIDField(null=True, editable=False)
    performance_ids = models.JSONField(default=list, editable=False)
    url = models.CharField(max_length=policy.LONGEST_URL)
    event_types = models.JSONField(default=list)
    enabled = models.BooleanField(default=True)
    secret = models.TextField(editable=False)
    former_secret = models.TextField(blank=True, editable=False)
    former_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)
    disabled_at = models.DateTimeField(null=True, editable=False)
    disabled_by = models.CharField(max_length=10, choices=DisabledBy.choices, blank=True)
    failing_since = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    paused_until = models.DateTimeField(null=True, editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = text(en="webhook endpoint", ko="웹훅 엔드포인트")
        verbose_name_plural = text(en="webhook endpoints", ko="웹훅 엔드포인트")
        permissions = [
            ("disable_webhookendpoint", "Can disable and enable webhook endpoints"),
            ("hand_over_webhookendpoint", "Can hand webhook endpoints over to another API key"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(user_id__isnull=False, api_key_id__isnull=True)
                | Q(user_id__isnull=True, api_key_id__isnull=False),
                name="webhooks_endpoint_one_owner",
            ),
            models.CheckConstraint(
                condition=Q(enabled=True, disabled_at__isnull=True, disabled_by="")
                | (Q(enabled=False, disabled_at__isnull=False) & ~Q(disabled_by="")),
                name="webhooks_endpoint_disabled_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(models.Model):
    """One event for one endpoint, written down in the transaction of its event's inbox row.

    The key is made of event and endpoint, so the same delivery can't be written down twice; the
    `webhook-id` is the event's id (Note [Webhooks sent twice] in usecases/sending.py). `tries`
    are all of them, `retries` those since it was written down or replayed.
    """

    class Status(models.TextChoices):
        """How far a delivery has come."""

        WAITING = "WAITING", text(en="Waiting", ko="대기")
        DELIVERED = "DELIVERED", text(en="Delivered", ko="전송")
        GIVEN_UP = "GIVEN_UP", text(en="Given up", ko="전송 포기")

    id = models.UUIDField(primary_key=True, editable=False)
    endpoint_id = models.UUIDField()
    event_id = models.UUIDField()
    event_type = models.CharField(max_length=100)
    payload = models.TextField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    created_at = models.DateTimeField()
    begun_at = models.DateTimeField()
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    retries = models.PositiveIntegerField(default=0)
    last_tried_at = models.DateTimeField(null=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_response = models.CharField(max_length=policy.RESPONSE_KEPT, blank=True)
    failure = models.CharField(max_length=200, blank=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = text(en="webhook delivery", ko="웹훅 전송")
        verbose_name_plural = text(en="webhook deliveries", ko="웹훅 전송")
        indexes = [
            models.Index(
                fields=["endpoint_id", "due_at"],
                condition=Q(status="WAITING"),
                name="webhooks_delivery_due",
            ),
            models.Index(
                fields=["endpoint_id"],
                condition=Q(status="WAITING", lease_until__isnull=False),
                name="webhooks_delivery_in_flight",
            ),
            models.Index(fields=["endpoint_id", "-id"], name="webhooks_delivery_of_endpoint"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="DELIVERED", delivered_at__isnull=False)
                | (Q(delivered_at__isnull=True) & Q(status__in=["WAITING", "GIVEN_UP"])),
                name="webhooks_delivery_delivered_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.id}"
