"""The outbox, the inbox and the freezes of the consumers.

The outbox has the events on their way to Kafka, the inbox those that groups have applied.
"""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from kernel.db.fields import IdentityField, UUID7Field
from kernel.i18n import text

UNPUBLISHED = Q(published_at__isnull=True, dead_at__isnull=True)


class OutboxQuerySet(models.QuerySet["OutboxEvent"]):
    """Outbox rows by what the relay still has to do."""

    def unpublished(self) -> "OutboxQuerySet":
        """Keep the rows the relay still has to publish."""
        return self.filter(UNPUBLISHED)

    def dead(self) -> "OutboxQuerySet":
        """Keep the rows set aside because Kafka can't take them as they are."""
        return self.filter(dead_at__isnull=False)


class OutboxEvent(models.Model):
    """One event, written in the transaction that made it true (Note [Order of events]).

    Partitioned by month of its key, which is the event's id. `position` is the order of insertion;
    within one aggregate it is the order of commits, since its writer holds its lock.
    """

    id = UUID7Field()
    position = IdentityField()
    shard = models.PositiveSmallIntegerField()
    topic = models.CharField(max_length=100)
    type = models.CharField(max_length=100)
    source = models.CharField(max_length=100)
    aggregate_id = models.UUIDField()
    subject = models.CharField(max_length=200)
    data = models.JSONField(encoder=DjangoJSONEncoder)
    request_id = models.CharField(max_length=128, blank=True)
    traceparent = models.CharField(max_length=55, blank=True)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=500, blank=True)

    objects = OutboxQuerySet.as_manager()

    class Meta:
        verbose_name = text(en="outbox event", ko="발신 이벤트")
        verbose_name_plural = text(en="outbox events", ko="발신 이벤트")
        indexes = [
            models.Index(
                fields=["shard", "position"],
                condition=UNPUBLISHED,
                name="events_outbox_unpublished",
            ),
            models.Index(
                fields=["dead_at"],
                condition=Q(dead_at__isnull=False),
                name="events_outbox_dead",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class InboxEntry(models.Model):
    """The fact that one consumer group has applied one event.

    A partitioned table can only have unique keys that contain `id`, so the key itself is made of
    event and group (`events.ids.inbox_key`): the primary key refuses the second application.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    group = models.CharField(max_length=100)
    event_id = models.UUIDField()
    type = models.CharField(max_length=100)
    applied_at = models.DateTimeField()

    class Meta:
        verbose_name = text(en="inbox entry", ko="수신 이벤트")
        verbose_name_plural = text(en="inbox entries", ko="수신 이벤트")

    def __str__(self) -> str:
        return f"{self.group} {self.event_id}"


class ConsumerFreeze(models.Model):
    """A time in which no consumer group applies an event or commits an offset.

    See Note [Frozen consumers] in consumers.py. At most one is not over.
    """

    id = UUID7Field()
    reason = models.CharField(max_length=200)
    frozen_at = models.DateTimeField()
    resumed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = text(en="freeze of the consumers", ko="소비자 동결")
        verbose_name_plural = text(en="freezes of the consumers", ko="소비자 동결")

    def __str__(self) -> str:
        return self.reason
