"""Write the documents that the code itself knows best."""

import io
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import override

from kernel.api.problem import STATUS
from kernel.errors import DomainError


class Command(BaseCommand):
    """Generate docs/openapi.yml and docs/errors.md, or say that the committed copies drifted."""

    help = "Write docs/openapi.yml and docs/errors.md; --check only compares (exit 1 on drift)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="compare, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        import_module(settings.ROOT_URLCONF)  # every view, and with it every error, is imported
        drifted = []
        for name, render in _DOCUMENTS.items():
            path = Path(settings.BASE_DIR) / "docs" / name
            wanted = render()
            if path.exists() and path.read_text() == wanted:
                continue
            drifted.append(name)
            if not options["check"]:
                path.write_text(wanted)
                self.stdout.write(f"wrote docs/{name}")
        call_command("configuration", check=options["check"], stdout=self.stdout)
        if drifted and options["check"]:
            raise CommandError(f"run `manage.py documents`: {', '.join(drifted)} drifted")


def _openapi() -> str:
    out = io.StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=out)
    return out.getvalue()


def _errors() -> str:
    return "\n".join(_error_lines()) + "\n"


def _error_lines() -> Iterator[str]:
    yield "# Error codes"
    yield ""
    yield "Written by `manage.py documents`. Every refusal is `application/problem+json`"
    yield "(RFC 9457) whose `code` is stable; the status says how to treat it. Answers of 503 carry"
    yield "`Retry-After`: nothing was changed, try again."
    yield ""
    yield "| code | status | meaning | 뜻 |"
    yield "|---|---|---|---|"
    for code, error in sorted(DomainError.registry.items()):
        with override("en"):
            english = str(error.message)
        with override("ko"):
            korean = str(error.message)
        yield f'| <a id="{code}"></a>`{code}` | {STATUS[error.kind]} | {english} | {korean} |'
    yield from _FRAMEWORK_CODES


_FRAMEWORK_CODES = (
    '| <a id="validation_failed"></a>`validation_failed` | 400 | Some fields are missing or wrong;'
    " `errors` names them by JSON pointer. | 입력한 값에 오류가 있습니다. |",
    '| <a id="malformed_json"></a>`malformed_json` | 400 | The body is not the JSON object expected.'
    " | 본문이 올바른 JSON이 아닙니다. |",
    '| <a id="malformed_request"></a>`malformed_request` | 400 | The request could not be understood.'
    " | 요청을 이해할 수 없습니다. |",
    '| <a id="not_authenticated"></a>`not_authenticated` | 401 | Log in first. | 로그인이 필요합니다. |',
    '| <a id="token_invalid"></a>`token_invalid` | 401 | The access token is not valid.'
    " | 유효하지 않은 토큰입니다. |",
    '| <a id="token_expired"></a>`token_expired` | 401 | The access token has expired: refresh it.'
    " | 만료된 토큰입니다. |",
    '| <a id="permission_denied"></a>`permission_denied` | 403 | You may not do this.'
    " | 권한이 없습니다. |",
    '| <a id="not_found"></a>`not_found` | 404 | There is nothing at this address.'
    " | 찾을 수 없습니다. |",
    '| <a id="method_not_allowed"></a>`method_not_allowed` | 405 | This address knows other methods.'
    " | 허용되지 않은 메서드입니다. |",
    '| <a id="not_acceptable"></a>`not_acceptable` | 406 | Only JSON is served here.'
    " | JSON만 제공합니다. |",
    '| <a id="unsupported_media_type"></a>`unsupported_media_type` | 415 | Only JSON is taken here.'
    " | JSON만 받습니다. |",
    '| <a id="rate_limited"></a>`rate_limited` | 429 | Slow down; `Retry-After` says how long.'
    " | 잠시 후 다시 시도해 주세요. |",
    '| <a id="internal_error"></a>`internal_error` | 500 | A defect of ours. | 서버 오류입니다. |',
)

_DOCUMENTS: dict[str, Callable[[], str]] = {"openapi.yml": _openapi, "errors.md": _errors}
