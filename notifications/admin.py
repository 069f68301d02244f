"""The staff screens of letters: read-only, but what was given up may be sent again."""

from datetime import datetime

from django.contrib import admin
from django.http import HttpRequest
from django.utils.functional import Promise

from kernel.i18n import text
from kernel.staff.actions import actor_of, staff_action
from kernel.staff.admin import ReadOnlyAdmin
from notifications.models import Mailing, Notification
from notifications.usecases import again


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ["id", "kind", "user_id", "status", "created_at", "sent_at", "failure"]
    list_filter = ["status", "kind"]
    search_fields = ["=id", "=user_id"]
    ordering = ["-id"]
    actions = ["send_again"]

    @staff_action(
        description=text(
            en="Send letters again that were given up", ko="발송 포기한 알림 다시 발송"
        ),
        permissions=["notifications.change_notification"],
    )
    def send_again(
        self, request: HttpRequest, objects: list[Notification], *, now: datetime, reason: str
    ) -> Promise:
        count = again.send_again(
            letter_ids=[letter.pk for letter in objects],
            actor_id=actor_of(request),
            reason=reason,
            now=now,
        )
        return text(en=f"{count} letters wait again.", ko=f"{count}건을 다시 발송합니다.")


@admin.register(Mailing)
class MailingAdmin(ReadOnlyAdmin):
    list_display = ["id", "kind", "performance_id", "letters", "created_at", "finished_at"]
    list_filter = ["kind"]
    search_fields = ["=performance_id"]
    ordering = ["-id"]
