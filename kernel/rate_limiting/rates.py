"""How often a route may be called: the rate that staff have set, else the setting's.

Note [Tuned limits]
The rows belong to `accounts`, above this layer, so their reader is found by the setting
`RATE_LIMIT_PROVIDER`: a function that returns a route's `Rate` from memory, or None where staff
have set none. Every counter calls `rate_of` at each call, so a change is in force as soon as the
provider knows it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from django.conf import settings
from django.utils.module_loading import import_string
from limits import parse

from kernel.from_settings import from_settings


class Rate(NamedTuple):
    """`amount` calls in any `period_seconds`."""

    amount: int
    period_seconds: int


def rate_of(route: str) -> Rate:
    """Return the rate in force for a route of `settings.RATE_LIMITS`; no I/O."""
    return _provider()(route) or _defaults()[route]


class TunedRates(Mapping[str, str]):
    """Rates per client IP in allauth's form, read at each call: staff's, else `defaults`.

    Staff cannot change those of `fixed`.
    """

    def __init__(
        self, defaults: Mapping[str, str], *, fixed: Mapping[str, str] | None = None
    ) -> None:
        self._fixed = dict(fixed or {})
        self._defaults = self._fixed | dict(defaults)

    def __getitem__(self, action: str) -> str:
        default = self._defaults[action]
        if action in self._fixed:
            return default
        rate = _provider()(action)
        return default if rate is None else f"{rate.amount}/{rate.period_seconds}s/ip"

    def __iter__(self) -> Iterator[str]:
        return iter(self._defaults)

    def __len__(self) -> int:
        return len(self._defaults)


@from_settings
def _provider() -> Callable[[str], Rate | None]:
    provider: Callable[[str], Rate | None] = import_string(settings.RATE_LIMIT_PROVIDER)
    return provider


@from_settings
def _defaults() -> Mapping[str, Rate]:
    return {route: _parsed(text) for route, text in settings.RATE_LIMITS.items()}


def _parsed(text: str) -> Rate:
    item = parse(text)
    return Rate(item.amount, item.get_expiry())
