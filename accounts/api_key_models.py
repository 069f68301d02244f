"""The table of API keys; `accounts.models` has it as its own."""

from django.db import models

from kernel.db.fields import UUID7Field
from kernel.i18n import text

MOST_PERFORMANCES = 100  # of one key; one for more of them is for all


class ApiKey(models.Model):
    """A machine's credential: what it may do, where and until when (Note [API keys]).

    The key itself is shown once and stored nowhere; `prefix` is its beginning, by which people
    recognise it, and `key_hash` finds it.
    """

    class Scope(models.TextChoices):
        """What a machine may do, as the contract names it."""

        CHECKINS_WRITE = "checkins:write", text(en="Check tickets in", ko="입장 확인")
        WEBHOOKS_MANAGE = "webhooks:manage", text(en="Manage webhooks", ko="웹훅 관리")
        CATALOGUE_READ = "catalogue:read", text(en="Read the catalogue", ko="공연 정보 조회")

    id = UUID7Field()
    name = models.CharField(
        max_length=100,
        help_text=text(en="Which machine, at whose", ko="사용하는 기기와 업체"),
    )
    prefix = models.CharField(max_length=20, editable=False)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    performance_ids = models.JSONField(
        default=list,
        blank=True,
        help_text=text(en="Empty: all performances", ko="비우면 모든 회차"),
    )
    created_by = models.UUIDField(editable=False)
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = text(en="API key", ko="API 키")
        verbose_name_plural = text(en="API keys", ko="API 키")
        permissions = [("revoke_apikey", "Can revoke API keys")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"
