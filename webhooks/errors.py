"""The refusals of webhooks."""

from kernel.errors import DomainError, Kind
from kernel.i18n import text


class WebhookEndpointNotFound(DomainError):
    """There is no such endpoint, or it is somebody else's."""

    code = "webhook_endpoint_not_found"
    kind = Kind.NOT_FOUND
    message = text(
        en="There is no such webhook endpoint.", ko="웹훅 엔드포인트를 찾을 수 없습니다."
    )


class WebhookDeliveryNotFound(DomainError):
    """The endpoint has no such delivery, or it is no longer kept."""

    code = "webhook_delivery_not_found"
    kind = Kind.NOT_FOUND
    message = text(en="There is no such delivery.", ko="웹훅 전송 기록을 찾을 수 없습니다.")


class WebhookUrlRefused(DomainError):
    """Nothing is sent to such a URL: `why` says what is wrong with it."""

    code = "webhook_url_refused"
    kind = Kind.INVALID
    message = text(
        en="Webhooks cannot be sent to this URL.", ko="이 URL로는 웹훅을 보낼 수 없습니다."
    )


class WebhookEndpointLimit(DomainError):
    """The caller has as many endpoints as anybody may have (`limit`)."""

    code = "webhook_endpoint_limit"
    kind = Kind.CONFLICT
    message = text(
        en="No more webhook endpoints can be registered.",
        ko="웹훅 엔드포인트를 더 등록할 수 없습니다.",
    )


class WebhookEndpointBlocked(DomainError):
    """Staff disabled the endpoint, so staff alone enable it."""

    code = "webhook_endpoint_blocked"
    kind = Kind.CONFLICT
    message = text(
        en="Staff disabled this webhook endpoint.", ko="운영자가 사용 중지한 웹훅 엔드포인트입니다."
    )


class WebhookEndpointDisabled(DomainError):
    """Nothing is sent to a disabled endpoint; enable it first."""

    code = "webhook_endpoint_disabled"
    kind = Kind.CONFLICT
    message = text(en="This webhook endpoint is disabled.", ko="사용 중지된 웹훅 엔드포인트입니다.")
