"""Records of requests that carried an Idempotency-Key."""

from django.db import models

from kernel.i18n import text


class Record(models.Model):
    """One key of one caller on one route, in a database of its own.

    `attempt` is the fence: only the execution that holds the present one may finish.
    `body_hash` is null after an execution that was refused before it could change anything; any
    body may claim such a record again. A record whose lease has passed is free for the same body.
    """

    class State(models.TextChoices):
        RUNNING = "RUNNING", text(en="Running", ko="실행 중")
        FINISHED = "FINISHED", text(en="Finished", ko="완료")

    request_key = models.CharField(
        max_length=64,
        primary_key=True,
        help_text=text(
            en="Hex SHA-256 of caller, route and key", ko="요청자, 경로, 키의 SHA-256(16진수)"
        ),
    )
    body_hash = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001  (unset: see above)
    state = models.CharField(max_length=8, choices=State.choices)
    lease_until = models.DateTimeField()
    attempt = models.PositiveIntegerField()
    resource_id = models.UUIDField(
        help_text=text(
            en="The id of what the request makes, chosen before execution",
            ko="요청이 만들 대상의 ID. 실행 전에 정해집니다.",
        )
    )
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.TextField(blank=True, default="")
    headers = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = text(en="idempotency record", ko="멱등성 기록")
        verbose_name_plural = text(en="idempotency records", ko="멱등성 기록")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="RUNNING", status__isnull=True)
                | models.Q(state="FINISHED", status__isnull=False),
                name="idempotency_finished_has_status",
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="idempotency_expires_at")]

    def __str__(self) -> str:
        return f"{self.request_key[:12]} {self.state}"
