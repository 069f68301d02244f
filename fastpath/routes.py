"""What a room of routes offers the service: who responds to a request, and as which view."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from kernel.http.fast_path import RawResponse
from kernel.telemetry.access_log import NO_OUTCOME, RequestOutcome

OUTCOME = "frontrow.outcome"  # in an environment: what the access line says of the request

Respond = Callable[[dict[str, Any], bytes], Awaitable[RawResponse | None]]


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of request.

    `respond` takes an environment and the body, and returns None where the API has to answer;
    `view` names its counters, `allow` is a header.
    `is_public`: the answer is the same for everybody.
    """

    view: str
    allow: tuple[str, str]
    respond: Respond
    is_public: bool = False


class Routes(Protocol):
    """The routes of one domain; to be used on one event loop."""

    def route_of(self, method: str, path: str) -> Route | None:
        """Return the route of a request; None for every other one."""
        ...


def outcome_in(environ: dict[str, Any]) -> RequestOutcome:
    """Return what the access line of a request says of it."""
    outcome: RequestOutcome = environ.get(OUTCOME, NO_OUTCOME)
    return outcome
