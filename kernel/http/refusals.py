"""Refusals that come from the framework rather than from the domain: status and words, by code."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.i18n import text
from kernel.rate_limiting.in_redis import RateLimited

if TYPE_CHECKING:
    from kernel.i18n import LazyText


@dataclass(frozen=True, slots=True)
class Refusal:
    """A framework refusal as people see it."""

    status: int
    message: "LazyText"


REFUSALS = {
    "validation_failed": Refusal(
        400,
        text(
            en="Some fields are missing or wrong; `errors` names them by JSON pointer.",
            ko="입력한 값에 오류가 있습니다. `errors`에 위치가 있습니다.",
        ),
    ),
    "malformed_json": Refusal(
        400,
        text(
            en="The body is not the JSON object expected.",
            ko="본문이 올바른 JSON 객체가 아닙니다.",
        ),
    ),
    "malformed_request": Refusal(
        400, text(en="The request could not be understood.", ko="요청을 이해할 수 없습니다.")
    ),
    "not_authenticated": Refusal(401, text(en="Log in first.", ko="로그인이 필요합니다.")),
    "token_invalid": Refusal(
        401, text(en="The access token is not valid.", ko="유효하지 않은 토큰입니다.")
    ),
    "token_expired": Refusal(
        401,
        text(en="The access token has expired: refresh it.", ko="만료된 토큰입니다."),
    ),
    "api_key_invalid": Refusal(
        401, text(en="The API key is not valid.", ko="유효하지 않은 API 키입니다.")
    ),
    "api_key_expired": Refusal(401, text(en="The API key has expired.", ko="만료된 API 키입니다.")),
    "permission_denied": Refusal(403, text(en="You may not do this.", ko="권한이 없습니다.")),
    "csrf_failed": Refusal(
        403,
        text(
            en="The page was open for too long, or the request does not come from it.",
            ko="페이지를 연 지 오래되었거나 이 페이지에서 보낸 요청이 아닙니다.",
        ),
    ),
    "not_found": Refusal(404, text(en="There is nothing at this URL.", ko="찾을 수 없습니다.")),
    "method_not_allowed": Refusal(
        405, text(en="Method not allowed here.", ko="허용되지 않은 메서드입니다.")
    ),
    "body_too_large": Refusal(
        413, text(en="The body is larger than this route takes.", ko="본문이 너무 큽니다.")
    ),
    "unsupported_media_type": Refusal(
        415, text(en="Only JSON is taken here.", ko="JSON만 받습니다.")
    ),
    "rate_limited": Refusal(429, RateLimited.message),
    "internal_error": Refusal(
        500, text(en="Something went wrong on our side.", ko="서버 오류입니다.")
    ),
}

# The gateway's own responses, before a request reaches us or where we send no response.
AT_THE_GATEWAY = {
    "request_timeout": Refusal(
        408,
        text(en="The request took too long to arrive.", ko="요청이 제시간에 도착하지 않았습니다."),
    ),
    "precondition_failed": Refusal(
        412,
        text(en="The condition of the request does not hold.", ko="요청의 조건이 맞지 않습니다."),
    ),
    "uri_too_long": Refusal(414, text(en="The URL is too long.", ko="주소가 너무 깁니다.")),
    "coding_unknown": Refusal(
        501,
        text(en="This transfer coding is not understood.", ko="지원하지 않는 전송 인코딩입니다."),
    ),
    "unavailable": Refusal(
        503,
        text(
            en="The service is not reachable at the moment. Try again, a write with the same key.",
            ko="지금은 서비스에 연결할 수 없습니다. 쓰기 요청은 같은 키로 다시 시도해 주세요.",
        ),
    ),
    "gateway_timeout": Refusal(
        504,
        text(
            en="There was no response in time. Read the state before trying again.",
            ko="제시간에 응답을 받지 못했습니다. 다시 시도하기 전에 상태를 확인해 주세요.",
        ),
    ),
    "gateway_error": Refusal(
        505, text(en="The request was not passed on.", ko="요청이 전달되지 않았습니다.")
    ),
}
