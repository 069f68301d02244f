"""The staff screens of webhooks, read-only: endpoints can be disabled, enabled and handed over."""

from datetime import datetime
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from kernel.i18n import text
from kernel.staff.actions import ReasonForm, actor_of, staff_action
from kernel.staff.admin import ReadOnlyAdmin
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.usecases import endpoints


class HandOverForm(ReasonForm):
    """Which API key gets endpoints."""

    api_key_id = forms.UUIDField(
        label=text(en="API key (id), such as the successor of theirs", ko="새 API 키 ID")
    )


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """Where events go; secrets are on no page."""

    list_display = ("url", "enabled", "disabled_by", "failing_since", "api_key_id", "user_id")
    list_filter = (
        "enabled",
        "disabled_by",
        ("failing_since", admin.EmptyFieldListFilter),
        ("deleted_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("url", "=id", "=api_key_id", "=user_id")
    search_help_text = text(en="URL, or the id of an endpoint, API key or person", ko="URL 또는 ID")
    ordering = ("-id",)
    fields = (
        *("id", "url", "event_types", "performance_ids", "user_id", "api_key_id", "enabled"),
        *("disabled_at", "disabled_by", "failing_since", "failures", "paused_until"),
        *("former_until", "created_at", "claimed_at", "deleted_at"),
    )
    actions = ("disable", "enable", "hand_over")

    @staff_action(
        description=text(en="Disable", ko="사용 중지"),
        permissions=["webhooks.disable_webhookendpoint"],
    )
    def disable(
        self, request: HttpRequest, rows: list[WebhookEndpoint], *, reason: str, now: datetime
    ) -> str:
        """Send nothing more to them until staff enable them."""
        count = endpoints.disable(
            endpoint_ids=[row.pk for row in rows],
            actor_id=actor_of(request),
            reason=reason,
            now=now,
        )
        return str(text(en=f"{count} disabled.", ko=f"{count}개를 사용 중지했습니다."))

    @staff_action(
        description=text(en="Enable", ko="사용 재개"),
        permissions=["webhooks.disable_webhookendpoint"],
    )
    def enable(
        self, request: HttpRequest, rows: list[WebhookEndpoint], *, reason: str, now: datetime
    ) -> str:
        """Let them get events again."""
        count = endpoints.enable(
            endpoint_ids=[row.pk for row in rows],
            actor_id=actor_of(request),
            reason=reason,
            now=now,
        )
        return str(text(en=f"{count} enabled.", ko=f"{count}개를 다시 사용합니다."))

    @staff_action(
        description=text(en="Hand over to another API key", ko="다른 API 키로 이전"),
        permissions=["webhooks.hand_over_webhookendpoint"],
        form_class=HandOverForm,
    )
    def hand_over(
        self,
        request: HttpRequest,
        rows: list[WebhookEndpoint],
        *,
        api_key_id: UUID,
        reason: str,
        now: datetime,
    ) -> str:
        """Give them to the key that replaces theirs."""
        count = endpoints.hand_over(
            endpoint_ids=[row.pk for row in rows],
            api_key_id=api_key_id,
            actor_id=actor_of(request),
            reason=reason,
            now=now,
        )
        return str(text(en=f"{count} handed over.", ko=f"{count}개를 이전했습니다."))


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """What was or is to be delivered to which endpoint."""

    list_display = ("event_type", "endpoint_id", "status", "tries", "last_status", "created_at")
    list_filter = ("status", "event_type")
    search_fields = ("=id", "=endpoint_id", "=event_id")
    search_help_text = text(
        en="The id of a delivery, an endpoint or an event", ko="전송, 엔드포인트 또는 이벤트 ID"
    )
    ordering = ("-id",)
