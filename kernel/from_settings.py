"""What a hot path makes of the settings, made once.

Django's `settings` looks every name up in two objects, in Python: a dozen of them are a noticeable
part of a request that takes a quarter of a millisecond. They never change while a process runs; a
test that overrides one says so by Django's signal, and what was made before is dropped.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from django.core.signals import setting_changed

T = TypeVar("T")


def from_settings(make: Callable[[], T]) -> Callable[[], T]:
    """Decorate a function that reads nothing but settings: its result is made once."""
    made = cache(make)

    def drop_made(**_: Any) -> None:
        made.cache_clear()

    setting_changed.connect(drop_made, weak=False)
    return made
