"""The documented error codes, for docs/errors.md and /docs/errors."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.functional import Promise

from kernel.errors import DomainError
from kernel.http.problem import STATUS
from kernel.http.refusals import AT_THE_GATEWAY, REFUSALS

if TYPE_CHECKING:
    from kernel.i18n import LazyText


@dataclass(frozen=True, slots=True)
class Code:
    """An error code, the status it comes with, and what it means to people."""

    code: str
    status: int
    message: "LazyText | Promise | str"


def documented() -> list[Code]:
    """Return all codes by name; complete once the URLconf, and with it every error, is loaded."""
    domain = {
        code: Code(code, STATUS[error.kind], error.message)
        for code, error in DomainError.registry.items()
    }
    framework = {
        code: Code(code, refusal.status, refusal.message)
        for code, refusal in (REFUSALS | AT_THE_GATEWAY).items()
    }
    # `rate_limited` is both: counted by a throttle, or inside a use case.
    return sorted((framework | domain).values(), key=lambda one: one.code)
