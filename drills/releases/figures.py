"""What fans met of a release, by what the balancer sent where."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drills.releases.balancer import Served
from drills.releases.cases import PROMOTED, ReleaseCase

# Of a share of 10 % that is drawn by chance.
_CHANCE = 0.03


@dataclass
class Watched:
    """What was seen of a release: its shares in their order, when it was met, and what it became.

    Moments are seconds since 1970.
    """

    began: float
    place: str = ""
    shares: list[int] = field(default_factory=list)
    became: str = ""
    ended: float = 0.0
    message: str = ""
    broken: list[str] = field(default_factory=list)


def of(served: Sequence[Served], watched: Watched) -> dict[str, Any]:
    """Return requests, failures and fans until a release ended; seconds until it met nobody."""
    during = [one for one in served if one.at <= watched.ended]
    met = [one for one in during if one.place == watched.place]
    others = [one for one in during if one.place != watched.place]
    first, last = (met[0].at, met[-1].at) if met else (None, None)
    between = [one for one in during if first is not None and first <= one.at <= (last or 0)]
    return {
        "requests": len(during),
        "failed": sum(one.has_failed for one in others),
        "requests_met": len(met),
        "failed_met": sum(one.has_failed for one in met),
        "share_met": round(len(met) / len(between), 3) if between else 0.0,
        "fans": len({one.client_ip for one in during}),
        "fans_met": len({one.client_ip for one in met}),
        "met_seconds": round(last - first, 1) if first is not None and last is not None else None,
    }


def broken(
    case: ReleaseCase, watched: Watched, seen: Mapping[str, Any], *, control: bool
) -> list[str]:
    """Return in words what did not become of a release as it has to."""
    return list(_broken(case, watched, seen, control=control))


def _broken(
    case: ReleaseCase, watched: Watched, seen: Mapping[str, Any], *, control: bool
) -> Iterator[str]:
    wanted = PROMOTED if control else case.ends
    if watched.became != wanted:
        yield f"it was {watched.became or 'neither promoted nor taken back'}, not {wanted}"
    shares = [one for one in watched.shares if one]
    allowed = [10, 30, 100] if control else list(case.shares)
    if shares != allowed:
        yield f"its shares were {shares}, not {allowed}"
    if not control and case.ends != PROMOTED and seen["share_met"] > 0.1 + _CHANCE:
        yield f"{seen['share_met']:.1%} of requests met it, 10 % at most were to"
    if case.ends == PROMOTED and seen["failed"] + seen["failed_met"]:
        yield f"{seen['failed'] + seen['failed_met']} requests failed"
