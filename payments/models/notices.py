"""The inbox of a gateway's webhooks."""

from django.db import models
from django.db.models import Q

from kernel.db.fields import UUID7Field
from kernel.i18n import text
from payments.models.received import NAME_LENGTH

NOTICE_ID_LENGTH = 200


class GatewayNotice(models.Model):
    """A webhook that the gateway signed: something happened to an order, to be looked up.

    One row for all deliveries of one event. What it says is not believed beyond that.
    """

    id = UUID7Field()
    gateway = models.CharField(max_length=NAME_LENGTH)
    notice_id = models.CharField(
        max_length=NOTICE_ID_LENGTH,
        help_text=text(en="The gateway's own, of the event", ko="결제 대행사가 붙인 이벤트 ID"),
    )
    order_id = models.CharField(max_length=64)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = text(en="gateway notice", ko="결제 대행사 알림")
        verbose_name_plural = text(en="gateway notices", ko="결제 대행사 알림")
        constraints = [
            models.UniqueConstraint(fields=["gateway", "notice_id"], name="payments_notice_once"),
        ]
        indexes = [
            models.Index(
                fields=["received_at"],
                condition=Q(handled_at__isnull=True),
                name="payments_notice_unhandled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notice_id} {self.order_id}"
