"""The fans' client: thousands of lives in one thread, in a process of its own.

    python -m proof.rush.client FOLDER

Reads `job.json` in the folder (`ClientJob`), prints a line of JSON about twice a second while the
sale runs, and writes `history.jsonl` (`records`) and `client.json` (what the
fans met, and whether the client kept up). Every request is due at a moment, and its latency counts
from then, so a fan who finds no free connection has waited too.
"""

import gc
import json
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from proof.rush import bots, lives, records
from proof.rush.choosing import FanKind, SeatWishes, fan_plan
from proof.rush.driving import Driver
from proof.rush.profiles import STEADY, RushProfile
from proof.rush.rush_sale import RushSale
from proof.rush.steps import FanCaller, Life

JOB, HISTORY, SUMMARY = "job.json", "history.jsonl", "client.json"
_LEAD_SECONDS = 0.5  # between the beginning and the first join
_WATCH_SECONDS = 1.0
_STRANGER = "203.0.113.9"  # the client IP of who only looks


@dataclass(frozen=True, slots=True)
class ClientJob:
    """What to play: the gateway's port, the sale, and the logins as [user id, access token]."""

    port: int
    performance_id: str
    has_queue: bool
    profile: dict[str, Any]
    seed: int
    logins: list[tuple[str, str]]


def main(folder: Path) -> None:
    """Play the job of a folder."""
    job = ClientJob(**json.loads((folder / JOB).read_text()))
    profile = RushProfile(**job.profile)
    path = f"/api/v1/performances/{job.performance_id}/"
    seat_map, availability = _read(job.port, f"{path}seatmap/"), _read(
        job.port, f"{path}availability/"
    )  # fmt: skip
    sale = RushSale(
        job.performance_id, SeatWishes(seat_map), profile, availability["statuses"].encode()
    )
    sale.has_queue = job.has_queue
    driver = Driver(job.port, min(profile.connections, 2 * profile.fans), sale)
    begun = time.monotonic() + _LEAD_SECONDS
    for process, (user_id, life) in enumerate(_crowd(job, profile, sale, begun)):
        driver.start(life, process=process, user_id=user_id)
    if job.has_queue:
        driver.watch(_watch(sale, begun))
    summary = driver.run(begun, until=begun + profile.longest_seconds)
    records.write(folder / HISTORY, driver.history)
    (folder / SUMMARY).write_text(json.dumps(summary))


def _crowd(
    job: ClientJob, profile: RushProfile, sale: RushSale, begun: float
) -> list[tuple[str, Life]]:
    """Return the lives of all fans, each due at its share of the arrivals."""
    crowd: list[tuple[str, Life]] = []
    for number, (user_id, token) in enumerate(job.logins):
        at = begun + number * profile.arrival_seconds / len(job.logins)
        plan = fan_plan(profile, seed=job.seed, number=number)
        client_ip = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        caller = FanCaller(client_ip=client_ip, user_id=user_id, access_token=token)
        if profile.shape == STEADY:
            crowd.append((user_id, lives.visitor(caller, plan, sale, at=at)))
        elif plan.kind is FanKind.PERSON:
            crowd.append((user_id, lives.person(caller, plan, sale, at=at)))
        elif plan.kind is FanKind.IMPATIENT:
            crowd.append((user_id, bots.impatient(caller, plan, sale, at=at)))
        elif plan.kind is FanKind.FORGER:
            crowd.append((user_id, bots.forger(caller, client_ip, sale, at=at)))
        else:
            tabs = (bots.tab(caller, plan, sale, at=at) for _ in range(bots.TABS))
            crowd += [(user_id, tab) for tab in tabs]
    return crowd


def _watch(sale: RushSale, begun: float) -> Life:
    """Read the waiting room's public status each second, as a page on a wall would."""
    stranger = FanCaller(client_ip=_STRANGER, user_id="", access_token="")
    at = begun
    while True:
        [answer] = yield stranger.read("status", f"{sale.path}queue/", at=at)
        if answer.is_ok:
            sale.samples.append({"at": answer.record.ended - begun, **answer.json()})
        at += _WATCH_SECONDS


def _read(port: int, path: str) -> Any:
    wanted = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"X-Forwarded-For": _STRANGER}
    )
    with urllib.request.urlopen(wanted, timeout=30) as response:  # noqa: S310
        return json.load(response)


def write_job(folder: Path, job: ClientJob) -> None:
    """Put a job where the client looks for it."""
    (folder / JOB).write_text(json.dumps(asdict(job)))


if __name__ == "__main__":
    # What a fan remembers is no garbage while the sale runs, and looking for some would stop all.
    gc.disable()
    main(Path(sys.argv[1]))
