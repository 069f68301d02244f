"""Strict JSON (I-JSON, RFC 7493): every reader understands it in the same way."""

import json
import math
from typing import Any, NoReturn

LONGEST_NUMBER = 100  # digits; Python refuses thousands of them in words of its own
# Every digit reads as 0 and E as e: then two searches find each number that may be out of range.
_SHAPE = bytes.maketrans(b"123456789E", b"000000000e")
_TOO_LONG, _EXPONENT = b"0" * (LONGEST_NUMBER + 1), b"0e"


class NotStrict(ValueError):
    """The text is JSON that readers may understand differently; the message says why."""


class DuplicateMember(NotStrict):
    """An object names a member twice; `name` says which."""

    def __init__(self, name: str) -> None:
        super().__init__("a member is named twice")
        self.name = name


class NotText(NotStrict):
    """A text holds half a character (a lone surrogate) or NUL, which PostgreSQL can't store."""


class NumberOutOfRange(NotStrict):
    """A number is infinite, not a number, or has too many digits."""


def loads(text: str) -> Any:
    """Return the value of a JSON text.

    Raises `json.JSONDecodeError`, `NotStrict` and, for a text nested too deeply, `RecursionError`.
    """
    value = (_careful if _may_be_out_of_range(text) else _usual)(text)
    if "\\u" in text:  # the only way to write what is no text
        _check_texts(value)
    return value


def _may_be_out_of_range(text: str) -> bool:
    """Say whether a number of the text may be (digits within its strings count too)."""
    shape = text.encode("utf-8", "surrogatepass").translate(_SHAPE)
    return _TOO_LONG in shape or _EXPONENT in shape


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        seen: set[str] = set()
        for name, _ in members:
            if name in seen:
                raise DuplicateMember(name)
            seen.add(name)
    return found


def _check_texts(data: Any) -> None:
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if "\0" in value or (not value.isascii() and _is_broken(value)):
                raise NotText("a text holds what is no character")
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value


def _is_broken(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False


def _no_constant(name: str) -> NoReturn:
    raise NumberOutOfRange(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise NumberOutOfRange("a number is out of range")
    return value


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise NumberOutOfRange("a number is out of range")
    return int(digits)


# A call for each number would cost more than the rest of the parsing.
_usual = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant).decode
_careful = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_no_constant,
    parse_float=_finite,
    parse_int=_whole,
).decode
