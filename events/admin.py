"""Staff screens of events: read-only, but refused events may be published again."""

from datetime import datetime

from django.contrib import admin
from django.http import HttpRequest
from django.utils.functional import Promise

from events.models import ConsumerFreeze, InboxEntry, OutboxEvent
from events.usecases import dead_letters
from events.usecases.dead_letters import OutboxSelection
from kernel.i18n import text
from kernel.staff.actions import actor_of, staff_action
from kernel.staff.admin import ReadOnlyAdmin


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    list_display = ["id", "type", "subject", "created_at", "published_at", "dead_at"]
    list_filter = ["topic", "type", ("dead_at", admin.EmptyFieldListFilter)]
    search_fields = ["=id", "=aggregate_id", "=request_id"]
    ordering = ["-id"]
    actions = ["revive"]

    @staff_action(
        description=text(en="Publish refused events again", ko="거부된 이벤트 다시 발행"),
        permissions=["events.change_outboxevent"],
    )
    def revive(
        self, request: HttpRequest, objects: list[OutboxEvent], *, now: datetime, reason: str
    ) -> Promise:
        count = dead_letters.revive(
            selection=OutboxSelection(event_ids=frozenset(event.pk for event in objects)),
            actor_id=actor_of(request),
            reason=reason,
            now=now,
        )
        return text(
            en=f"{count} events wait for the relay again.", ko=f"{count}건을 다시 발행합니다."
        )


@admin.register(InboxEntry)
class InboxEntryAdmin(ReadOnlyAdmin):
    list_display = ["event_id", "group", "type", "applied_at"]
    list_filter = ["group", "type"]
    search_fields = ["=event_id"]
    ordering = ["-id"]


@admin.register(ConsumerFreeze)
class ConsumerFreezeAdmin(ReadOnlyAdmin):
    list_display = ["reason", "frozen_at", "resumed_at"]
    list_filter = ["frozen_at"]
    search_fields = ["reason"]
    ordering = ["-frozen_at"]
