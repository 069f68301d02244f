"""The load of drills: whole flows that begin evenly, and nobody but fans who mean to buy."""

from typing import Any

from proof.rush.profiles import RushProfile, checked

_STEADY: dict[str, Any] = {
    "think_seconds": 2.0,
    "lists_each": 3,  # with the map and the availability, five reads a flow
    "seats_each": 1,
    "share_paying": 0.7,
    "share_walking_away": 0.0,
    "share_bots": 0.0,
    "share_by_card": 0.0,
    "share_trying_late": 0.0,
}


def whole_flows(name: str, *, rate: float, seconds: float, **values: Any) -> RushProfile:
    """Return a load of `seconds`: join, look, hold, pay by points or let go.

    `rate` flows begin in a second; `values` are further ones of the profile, or others in place of
    the usual. Raises `ProfileInvalid`.
    """
    usual = {
        **_STEADY,
        "fans": max(1, round(rate * seconds)),
        "arrival_seconds": seconds,
        "longest_seconds": seconds + 60.0,
    }
    return checked(RushProfile(name, **usual | values))
