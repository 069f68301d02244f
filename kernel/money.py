"""Money as integer minor units and an ISO 4217 currency; never a float."""

from collections.abc import Iterable
from dataclasses import dataclass

DEFAULT_CURRENCY = "KRW"


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met in one sum."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (KRW has none, so 1 is one won)."""

    amount: int
    currency: str = DEFAULT_CURRENCY

    def __post_init__(self) -> None:
        if not isinstance(self.amount, int) or isinstance(self.amount, bool):
            raise TypeError(f"amount must be an int of minor units, not {self.amount!r}")

    def __add__(self, other: "Money") -> "Money":
        self._check(other)
        return Money(self.amount + other.amount, self.currency)

    def _check(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")

    def as_json(self) -> dict[str, int | str]:
        """Return the contract's form, `{"amount": 150000, "currency": "KRW"}`."""
        return {"amount": self.amount, "currency": self.currency}


def total(amounts: Iterable[Money], *, currency: str = DEFAULT_CURRENCY) -> Money:
    """Return the sum; of nothing it is zero in `currency`."""
    result = Money(0, currency)
    for amount in amounts:
        result += amount
    return result
