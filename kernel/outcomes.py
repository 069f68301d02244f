"""Outcomes of a batch: each fan's result, or the error that the same call would raise alone."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Generic, ParamSpec, TypeAlias, TypeVar

P = ParamSpec("P")
Q = TypeVar("Q")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Outcome: TypeAlias = T | Exception


def outcome_of(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Outcome[T]:
    """Return what `function` returns or raises."""
    try:
        return function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  (one fan's; `result_of` raises it to that fan)
        return error


def outcomes_of(function: Callable[[Q], T], items: Iterable[Q]) -> list[Outcome[T]]:
    """Return what `function` returns or raises for each item, in their order."""
    outcomes: list[Outcome[T]] = []
    for item in items:
        try:
            outcomes.append(function(item))
        except Exception as error:  # noqa: BLE001  (that item's, as above)
            outcomes.append(error)
    return outcomes


def result_of(outcome: Outcome[T]) -> T:
    """Return the result; raises the error that is there instead."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


class Undecided(Generic[T_co]):
    """What a batch could not decide without making others wait, and that goes alone."""

    __slots__ = ()

    @abstractmethod
    def decide(self) -> Outcome[T_co]:
        """Decide it by itself, waiting for what it has to."""
