"""Letters to fans: what to write, to whom, and how far each has come; mailings to all holders."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from kernel.i18n import text


class Notification(models.Model):
    """One letter, written down in the transaction of its event's inbox row.

    The key is made of event, kind and person, so the same letter can't be written down twice; the
    Message-ID is made of the key (Note [Letters sent twice] in usecases/sending.py). There are no
    personal data in it but the person's id: the address is read when it is sent.
    """

    class Status(models.TextChoices):
        """How far a letter has come."""

        WAITING = "WAITING", text(en="Waiting", ko="대기")
        SENT = "SENT", text(en="Sent", ko="발송")
        GIVEN_UP = "GIVEN_UP", text(en="Given up", ko="발송 포기")

    id = models.UUIDField(primary_key=True, editable=False)
    kind = models.CharField(max_length=50)
    user_id = models.UUIDField()
    data = models.JSONField(encoder=DjangoJSONEncoder)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=500, blank=True)
    # What it continues; the last release writes none.
    traceparent = models.CharField(max_length=55, blank=True, default="", db_default="")

    class Meta:
        verbose_name = text(en="notification", ko="알림")
        verbose_name_plural = text(en="notifications", ko="알림")
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(status="WAITING"), name="notifications_due"
            ),
            models.Index(fields=["user_id", "created_at"], name="notifications_of_fan"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="SENT", sent_at__isnull=False)
                | (Q(sent_at__isnull=True) & Q(status__in=["WAITING", "GIVEN_UP"])),
                name="notifications_sent_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Mailing(models.Model):
    """Letters of one kind to all holders of a performance's tickets, written batch by batch.

    Written down in the transaction of its event's inbox row, with a key made of event and kind.
    `last_user_id` is the last holder, by id, whose letter is written; `letters` counts them.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    event_id = models.UUIDField()
    kind = models.CharField(max_length=50)
    performance_id = models.UUIDField()
    data = models.JSONField(encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField()
    last_user_id = models.UUIDField(null=True, blank=True)
    letters = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = text(en="mailing", ko="단체 알림")
        verbose_name_plural = text(en="mailings", ko="단체 알림")
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(finished_at__isnull=True),
                name="notifications_mailing_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.performance_id}"
