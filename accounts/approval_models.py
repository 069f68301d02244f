"""Deeds of staff that wait for a second person."""

from datetime import datetime

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

from kernel.db.fields import UUID7Field
from kernel.i18n import text


class Approval(models.Model):
    """A deed that one member of staff asked for and another one has to approve.

    WAITING -> APPROVED | REFUSED; one that waits longer than `expires_at` is neither any more.
    `facts` is what the app that does the deed needs; `kind` and `reference` name it for ever, so
    asking again asks for nothing new. Kept without foreign keys, as an audit entry is.
    """

    class Status(models.TextChoices):
        WAITING = "WAITING", text(en="Waiting", ko="승인 대기")
        APPROVED = "APPROVED", text(en="Approved", ko="승인")
        REFUSED = "REFUSED", text(en="Refused", ko="거절")

    id = UUID7Field()
    kind = models.CharField(max_length=50)
    reference = models.UUIDField()
    subject_id = models.UUIDField(help_text=text(en="The fan", ko="대상 회원"))
    facts = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    reason = models.CharField(max_length=500)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    requested_by = models.UUIDField()
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_by = models.UUIDField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = text(en="approval", ko="승인 요청")
        verbose_name_plural = text(en="approvals", ko="승인 요청")
        constraints = [
            models.UniqueConstraint(fields=["kind", "reference"], name="accounts_approval_once"),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                name="accounts_approval_by_another",
            ),
            models.CheckConstraint(
                condition=Q(status="WAITING", decided_by__isnull=True, decided_at__isnull=True)
                | Q(
                    status__in=["APPROVED", "REFUSED"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                ),
                name="accounts_approval_decided_whole",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(status="WAITING"),
                name="accounts_approval_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"

    def waits(self, now: datetime) -> bool:
        """Say whether it may still be decided at `now`."""
        return self.status == self.Status.WAITING and now < self.expires_at
