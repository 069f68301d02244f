"""What a fault of the alerts' drill is, and within how long its alert has to come."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import yaml

from drills.alerts.site import ObservedSite
from proof.rush.rehearsal import ROOT

# What is broken comes back by what breaking it returned.
Mending = Callable[[], None]
_RULES = ROOT / "observability" / "rules"
_UNITS = {"s": 1, "m": 60, "h": 3600}
# From the rule's moment until somebody is called: scrape, evaluation, Alertmanager's group wait.
DELIVERY_SECONDS = 30.0
# From the end of an expression's window until somebody hears it: Alertmanager sends every 10 s.
END_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class AlertFault:
    """A fault and its alert.

    `takes`: s until the rule's expression can be true: its threshold, or what the servers need to
    notice. `clears`: s for which the expression stays true after the mending, its window. `brings`:
    other alerts that this fault is a cause of. `needs`: a query that has to have data first.
    """

    name: str
    alert: str
    says: str
    breaks: Callable[[ObservedSite], Mending]
    takes: float = 0.0
    clears: float = 0.0
    brings: frozenset[str] = frozenset()
    needs: str = ""

    @property
    def limit(self) -> float:
        """The s within which its alert has to be received."""
        return self.takes + pending_seconds(self.alert) + DELIVERY_SECONDS

    @property
    def end_limit(self) -> float:
        """The s after the mending within which its end has to be received."""
        return self.clears + END_SECONDS


@cache
def _pending() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(_RULES.glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            found |= {
                one["alert"]: one.get("for", "0s") for one in group["rules"] if "alert" in one
            }
    return found


def pending_seconds(alert: str) -> float:
    """Return a rule's `for` in s. Raises KeyError for an alert that no rule makes."""
    text = _pending()[alert]
    return float(text[:-1]) * _UNITS[text[-1]]
