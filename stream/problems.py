"""Refusals as problem documents (RFC 9457), in two languages; docs/errors.md has the codes."""

import json
from http import HTTPStatus

Headers = list[tuple[bytes, bytes]]

_DETAILS = {
    ("not_found", "en"): "There is nothing at this URL.",
    ("not_found", "ko"): "찾을 수 없습니다.",
    ("method_not_allowed", "en"): "Method not allowed here.",
    ("method_not_allowed", "ko"): "허용되지 않은 메서드입니다.",
    ("stream_full", "en"): "No live stream is free at the moment. Read the document instead.",
    ("stream_full", "ko"): "지금은 실시간 연결을 더 받을 수 없습니다. 문서를 조회해 주세요.",
    ("unavailable", "en"): "The service is not reachable at the moment. Try again.",
    ("unavailable", "ko"): "지금은 서비스에 연결할 수 없습니다. 다시 시도해 주세요.",
}


class NoStream(Exception):
    """A response that is no stream."""

    def __init__(
        self, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers

    def again(self) -> "NoStream":
        """Return the same refusal to be raised for somebody else."""
        return NoStream(self.status, self.body, self.headers)


def problem(
    status: int, code: str, language: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> NoStream:
    """Return a refusal of our own; `language` is ko or en."""
    document = {
        "type": f"/docs/errors#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _DETAILS[code, language],
        "instance": "",
        "code": code,
    }
    return NoStream(status, json.dumps(document, ensure_ascii=False).encode(), headers)


def retry_after(seconds: int) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header that says when to come back."""
    return ((b"retry-after", str(seconds).encode()),)


def language_of(headers: Headers) -> str:
    """Return `en` where a caller names it before Korean, else `ko`, the site's first language."""
    for name, value in headers:
        if name == b"accept-language":
            words = value.decode("latin-1").lower()
            english, korean = words.find("en"), words.find("ko")
            return "en" if english >= 0 and (korean < 0 or english < korean) else "ko"
    return "ko"
