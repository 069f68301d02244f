"""How often a route may be called, as staff say or else the settings.

Note [Tuned limits]
The rows belong to `accounts`, above this layer, so who reads them is found by the setting
`RATE_LIMIT_PROVIDER`: a function that gives a route's `Rate` from memory, or None where staff say
nothing. Every counter asks here at each call, so a change is in force wherever its rate is known.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string
from limits import parse


@dataclass(frozen=True, slots=True)
class Rate:
    """`amount` calls in any `period_seconds`."""

    amount: int
    period_seconds: int


def rate_of(route: str) -> Rate:
    """Return the rate in force for a route of `settings.RATE_LIMITS`; no I/O."""
    return _provider()(route) or _parsed(settings.RATE_LIMITS[route])


def rate_limit_fields(
    name: str, *, amount: int, window: int, left: int, reset: int
) -> tuple[str, str]:
    """Return the values of RateLimit-Policy and RateLimit; window and reset in seconds."""
    return f'"{name}";q={amount};w={window}', f'"{name}";r={max(0, left)};t={reset}'


class TunedRates(Mapping[str, str]):
    """Rates per address as allauth spells them, read at each call: staff's, else `defaults`.

    Those of `fixed` are what they are.
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


@cache
def _provider() -> Callable[[str], Rate | None]:
    return import_string(settings.RATE_LIMIT_PROVIDER)  # type: ignore[no-any-return]


@cache
def _parsed(text: str) -> Rate:
    item = parse(text)
    return Rate(item.amount, item.get_expiry())
