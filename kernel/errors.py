"""Domain errors: refusals with a stable code."""

from enum import StrEnum
from typing import Any, ClassVar

from django.utils.functional import Promise

from kernel.i18n import text


class Kind(StrEnum):
    """What sort of refusal it is; `kernel.http` alone turns it into a status."""

    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"  # of machines; people's logins are DRF's
    UNPROCESSABLE = "unprocessable"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"


class DomainError(Exception):
    """A refusal with a stable `code`, a `kind`, a message for people and typed extras.

    A subclass without a `code` is a base for others. Extras become members of the problem+json
    document, so they must be JSON-ready (UUIDs and datetimes are).
    """

    code: ClassVar[str] = ""
    kind: ClassVar[Kind]
    message: ClassVar[Promise | str]
    retry_after: int | None = None  # whole seconds
    # Whether the same request under the same Idempotency-Key is refused again. Not where the
    # refusal says what to do before trying again.
    kept_for_replay: ClassVar[bool] = True

    registry: ClassVar[dict[str, type["DomainError"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        code = cls.__dict__.get("code")
        if code:
            known = cls.registry.setdefault(code, cls)
            if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise TypeError(f"error code {code!r} is taken by {known.__qualname__}")

    def __init__(self, *, retry_after: int | None = None, **extras: Any) -> None:
        super().__init__(self.code)
        if retry_after is not None:
            self.retry_after = retry_after
        self.extras = extras


class Busy(DomainError):
    """A lock was not free in time, a deadlock was broken, or the server ended the session.

    The same request may succeed soon.
    """

    code = "busy"
    kind = Kind.UNAVAILABLE
    message = text(
        en="Too many people want the same thing right now. Please try again.",
        ko="지금 요청이 몰리고 있습니다. 잠시 후 다시 시도해 주세요.",
    )
    retry_after = 1


class CommitUncertain(DomainError):
    """The change was sent to the database and no certain reply came back.

    The same request with the same Idempotency-Key finds out, and does nothing twice.
    """

    code = "outcome_unknown"
    kind = Kind.UNAVAILABLE
    message = text(
        en="It is not certain yet whether this was done. Send the same request with the same "
        "Idempotency-Key again, or look before you repeat it.",
        ko="처리되었는지 아직 확실하지 않습니다. 같은 Idempotency-Key로 같은 요청을 다시 보내거나, "
        "다시 요청하기 전에 확인해 주세요.",
    )
    retry_after = 2


class ServiceUnavailable(DomainError):
    """A dependency that this request needs is unavailable."""

    code = "service_unavailable"
    kind = Kind.UNAVAILABLE
    message = text(
        en="The service is briefly unavailable. Nothing was changed.",
        ko="서비스를 잠시 이용할 수 없습니다. 변경된 내용은 없습니다.",
    )
    retry_after = 2
