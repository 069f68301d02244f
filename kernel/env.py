"""Readers of the environment that refuse nonsense at boot and document themselves.

Every reader records a `Setting`; `manage.py configuration` writes docs/configuration.md and
.env.example from the record.
"""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, overload
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
_RATE = re.compile(r"[1-9][0-9]{0,8}/(second|minute|hour|day)")


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: its name, form, default as written, meaning and secrecy."""

    name: str
    form: str
    default: str | None
    help: str
    secret: bool = False


declared: dict[str, Setting] = {}


def _read(
    name: str,
    form: str,
    parse: Callable[[str], T],
    default: T | None,
    help: str,  # noqa: A002  (the word a reader of settings expects)
    *,
    secret: bool = False,
    shown_default: str | None = None,
) -> T:
    if shown_default is None and default is not None:
        shown_default = str(default)
    declared[name] = Setting(name, form, shown_default, help, secret)
    raw = os.environ.get(name, "")
    if raw == "":
        if default is None:
            raise ImproperlyConfigured(f"{name} must be set: {help}")
        return default
    try:
        return parse(raw)
    except ValueError as error:
        shown = "its value" if secret else repr(raw)
        raise ImproperlyConfigured(f"{name}: {shown} is not {form}: {error}") from None


def string(name: str, *, default: str | None = None, help: str, secret: bool = False) -> str:  # noqa: A002
    """Read text; without a default it must be set."""
    return _read(name, "text", str, default, help, secret=secret)


def choice(name: str, *, of: tuple[str, ...], default: str | None = None, help: str) -> str:  # noqa: A002
    """Read one of a few words."""

    def parse(raw: str) -> str:
        if raw not in of:
            raise ValueError("unknown word")
        return raw

    return _read(name, "one of " + ", ".join(of), parse, default, help)


def integer(
    name: str,
    *,
    default: int | None = None,
    minimum: int = 0,
    maximum: int = 2**31,
    help: str,  # noqa: A002
) -> int:
    """Read a whole number within bounds."""

    def parse(raw: str) -> int:
        value = int(raw)
        if not minimum <= value <= maximum:
            raise ValueError("out of bounds")
        return value

    return _read(name, f"a whole number from {minimum} to {maximum}", parse, default, help)


def ratio(name: str, *, default: float, help: str) -> float:  # noqa: A002
    """Read a number from 0 to 1."""

    def parse(raw: str) -> float:
        value = float(raw)
        if not 0 <= value <= 1:
            raise ValueError("out of bounds")
        return value

    return _read(name, "a number from 0 to 1", parse, default, help)


def boolean(name: str, *, default: bool, help: str) -> bool:  # noqa: A002
    """Read true/false."""
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}

    def parse(raw: str) -> bool:
        try:
            return words[raw.lower()]
        except KeyError:
            raise ValueError("unknown word") from None

    return _read(name, "true or false", parse, default, help)


def words(name: str, *, default: list[str] | None = None, help: str) -> list[str]:  # noqa: A002
    """Read a comma-separated list."""

    def parse(raw: str) -> list[str]:
        return [word.strip() for word in raw.split(",") if word.strip()]

    shown = ",".join(default) if default is not None else None
    return _read(name, "words separated by commas", parse, default, help, shown_default=shown)


def rates(name: str, *, default: dict[str, str], help: str) -> dict[str, str]:  # noqa: A002
    """Read `name=amount/period` pairs separated by commas."""

    def parse(raw: str) -> dict[str, str]:
        found = {}
        for pair in filter(None, (part.strip() for part in raw.split(","))):
            route, _, rate = pair.partition("=")
            if not _RATE.fullmatch(rate):
                raise ValueError(f"{pair!r} isn't like hold=60/minute")
            found[route] = rate
        return found

    shown = ",".join(f"{route}={rate}" for route, rate in default.items())
    return _read(name, "route=amount/period, ...", parse, default, help, shown_default=shown)


def json_object(
    name: str,
    *,
    default: dict[str, Any],
    help: str,  # noqa: A002
    secret: bool = False,
) -> dict[str, Any]:
    """Read a JSON object."""

    def parse(raw: str) -> dict[str, Any]:
        value = json.loads(raw)
        if not isinstance(value, dict):
            raise ValueError("no object")
        return value

    shown = json.dumps(default)
    return _read(name, "a JSON object", parse, default, help, secret=secret, shown_default=shown)


@overload
def url(name: str, *, schemes: tuple[str, ...], help: str, secret: bool = ...) -> str: ...
@overload
def url(
    name: str,
    *,
    schemes: tuple[str, ...],
    default: str | None,
    help: str,
    secret: bool = ...,
    shown_default: str | None = ...,
) -> str: ...
def url(
    name: str,
    *,
    schemes: tuple[str, ...],
    default: str | None = None,
    help: str,  # noqa: A002
    secret: bool = False,
    shown_default: str | None = None,
) -> str:
    """Read a URL of one of `schemes`."""

    def parse(raw: str) -> str:
        if urlsplit(raw).scheme not in schemes:
            raise ValueError("unknown scheme")
        return raw

    form = "a URL (" + ", ".join(schemes) + ")"
    return _read(name, form, parse, default, help, secret=secret, shown_default=shown_default)
