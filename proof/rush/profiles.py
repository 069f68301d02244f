"""Profiles: the load of a rehearsal. They choose how much is asked, never what is good enough."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from kernel.text import strict_json
from reservations.policy import HOLD_SECONDS_BOUNDS

_LARGEST_FILE = 64 * 1024  # bytes
ON_SALE, STEADY = "on_sale", "steady"
_SHARES = (
    "share_paying",
    "share_walking_away",
    "share_double_clicking",
    "share_retrying",
    "share_bots",
    "share_by_card",
    "share_declining",
    "share_closing",
    "share_looking_back",
    "share_trying_late",
)
_WHOLE_TOGETHER = (
    ("share_paying", "share_walking_away"),
    ("share_declining", "share_closing"),
)


class ProfileInvalid(ValueError):
    """The profile cannot be played: a mistake on a command line, no API error."""


@dataclass(frozen=True, slots=True)
class RushProfile:
    """The load of one rehearsal; seconds, and shares from 0 to 1.

    `on_sale`: `fans` join within `arrival_seconds`, wait, and buy until nothing is left. `steady`:
    they arrive evenly, and each makes ten requests of a mix, whether or not seats are left.
    """

    name: str
    shape: str = ON_SALE
    fans: int = 10_000
    seats: int = 5_000  # of the demo's hall that is nearest; a sale of one's own has its own
    admitted_per_second: float = 100.0  # a sale of one's own has its own
    arrival_seconds: float = 1.0
    think_seconds: float = 0.0  # at most, before each step of a person
    lists_each: int = 0  # lists of concerts that a person reads once admitted
    seats_each: int = 2
    choices: int = 3
    share_paying: float = 0.7  # of those who hold seats
    share_walking_away: float = 0.02  # of the same: their holds lapse; all others let go
    share_double_clicking: float = 0.1
    share_retrying: float = 0.1  # repeat a request that was answered, with its key
    share_bots: float = 0.02
    share_by_card: float = 0.1  # of those who pay; all others pay by points
    share_declining: float = 0.1  # of those by card: it is refused on the gateway's page
    share_closing: float = 0.1  # of the same: they close the page
    share_looking_back: float = 0.1  # at their reservation and tickets, after each step
    share_trying_late: float = 0.5  # to pay, of those who let go or walk away
    hold_seconds: int = 300  # of a hold in the demo's sale; a sale of one's own has its own
    connections: int = 1_000
    longest_seconds: float = 600.0

    def as_json(self) -> dict[str, Any]:
        """Return every field."""
        return asdict(self)


PROFILES = {
    profile.name: profile
    for profile in (
        RushProfile("small", fans=200, seats=200, admitted_per_second=10.0, connections=200,
                    share_by_card=0.3, share_looking_back=0.3, hold_seconds=30,
                    longest_seconds=90.0),
        # What fans do beside buying by points takes the cores of a small machine: see
        # docs/performance.md. A profile of one's own adds it.
        RushProfile("default", share_by_card=0.0, share_looking_back=0.0, share_trying_late=0.0),
        RushProfile("steady", shape=STEADY, fans=6_000, admitted_per_second=1_000.0,
                    arrival_seconds=60.0, seats_each=1, share_bots=0.0, share_by_card=0.0,
                    share_looking_back=0.0, connections=512,
                    longest_seconds=180.0),
    )
}  # fmt: skip
_BOUNDS: dict[str, tuple[float, float]] = {
    "fans": (1, 100_000),
    "seats": (1, 100_000),
    "admitted_per_second": (0.1, 5_000),
    "arrival_seconds": (0, 3_600),
    "think_seconds": (0, 600),
    "lists_each": (0, 100),
    "seats_each": (1, 20),
    "choices": (1, 20),
    "connections": (1, 10_000),
    "longest_seconds": (1, 7_200),
    "hold_seconds": HOLD_SECONDS_BOUNDS,
    **dict.fromkeys(_SHARES, (0, 1)),
}


def profile_of(name: str) -> RushProfile:
    """Return a profile by name, or the one that a .toml or .json file describes.

    Raises `ProfileInvalid`.
    """
    if name in PROFILES:
        return PROFILES[name]
    if not name.endswith((".toml", ".json")):
        known = ", ".join(PROFILES)
        raise ProfileInvalid(f"{name!r} is neither one of {known} nor a .toml or .json file")
    return read_profile(Path(name))


def read_profile(path: Path) -> RushProfile:
    """Return the profile of a file; `based_on` names the one whose values it does not give.

    Raises `ProfileInvalid` with one line.
    """
    values = dict(read_settings(path, ProfileInvalid))
    base = PROFILES.get(str(values.pop("based_on", "default")))
    if base is None:
        raise ProfileInvalid(f"{path}: based_on must be one of {', '.join(PROFILES)}")
    unknown = values.keys() - ({field.name for field in fields(RushProfile)} - {"name"})
    if unknown:
        raise ProfileInvalid(f"{path}: a profile has no {min(unknown)!r}")
    try:
        return checked(replace(base, **values, name=path.stem))
    except ProfileInvalid as error:
        raise ProfileInvalid(f"{path}: {error}") from None


def checked(profile: RushProfile) -> RushProfile:
    """Return the profile where every value has its type and bounds; raises `ProfileInvalid`."""
    if profile.shape not in (ON_SALE, STEADY):
        raise ProfileInvalid(f"shape must be {ON_SALE} or {STEADY}")
    defaults = PROFILES["default"]
    for name, (least, most) in _BOUNDS.items():
        value, whole = getattr(profile, name), isinstance(getattr(defaults, name), int)
        if type(value) is not int and (whole or type(value) is not float):
            raise ProfileInvalid(f"{name} must be a {'whole ' if whole else ''}number")
        if not least <= value <= most:
            raise ProfileInvalid(f"{name} must be {least:g} to {most:g}")
    for one, other in _WHOLE_TOGETHER:
        if getattr(profile, one) + getattr(profile, other) > 1:
            raise ProfileInvalid(f"{one} and {other} are more than 1 together")
    return profile


def read_settings(path: Path, refusal: type[ValueError]) -> Mapping[str, Any]:
    """Return the table of a small .toml or .json file; raises `refusal` with one line."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise refusal(f"{path}: it is larger than {_LARGEST_FILE // 1024} KiB")
        text = path.read_text(encoding="utf-8")
        value = tomllib.loads(text) if path.suffix == ".toml" else strict_json.loads(text)
    except OSError as error:
        raise refusal(f"{path}: {error.strerror}") from None
    except (json.JSONDecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise refusal(f"{path}: {error}") from None
    except (strict_json.NotStrict, RecursionError) as error:
        raise refusal(f"{path}: {error}") from None
    if not isinstance(value, dict):
        raise refusal(f"{path}: it must be a table of settings")
    return value
