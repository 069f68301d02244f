"""Texts in Korean and English, without a compile step.

Note [Two languages]
Product text is short and there are exactly two languages, so both stand side by side where the
text is used, and a missing translation is a missing argument. Data rows carry `*_ko` and `*_en`
columns; `localized` picks one.
"""

from typing import TYPE_CHECKING, Any, cast

from django.utils.functional import lazy
from django.utils.translation import get_language

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    LazyText = _StrPromise  # the stubs' own name for lazy text


class _Text:
    __slots__ = ("en", "ko")

    def __init__(self, en: str, ko: str) -> None:
        self.en = en
        self.ko = ko

    def __str__(self) -> str:
        return self.ko if is_korean() else self.en


def is_korean() -> bool:
    """Say whether the active language is Korean."""
    return (get_language() or "").startswith("ko")


# Django's `lazystr` makes a class each time it is called.
_lazy_str = lazy(str, str)


def text(*, en: str, ko: str) -> "LazyText":
    """Return a lazy string that reads in the language active when it is rendered."""
    return cast("LazyText", _lazy_str(_Text(en, ko)))


def localized(row: Any, field: str) -> str:
    """Return `row.<field>_ko` or `row.<field>_en`, the other where the wanted one is empty."""
    first, second = ("ko", "en") if is_korean() else ("en", "ko")
    return str(getattr(row, f"{field}_{first}") or getattr(row, f"{field}_{second}"))
