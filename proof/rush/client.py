"""The fans' client: thousands of lives in one thread, in a process of its own.

    python -m proof.rush.client FOLDER

Reads `job.json` in the folder (`ClientJob`), prints a line of JSON about twice a second while the
sale runs, and writes `history.jsonl` (Note [Recorded histories]) and `client.json` (what the fans
met, and whether the client kept up). Every request is due at a moment, and its latency counts
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

from proof.history import recorded
from proof.history.recorded import History
from proof.rush import bots, lives
from proof.rush.choosing import FanKind, SeatWishes, fan_plan
from proof.rush.driving import Driver
from proof.rush.profiles import STEADY, RushProfile
from proof.rush.rush_sale import RushSale
from proof.rush.steps import FanCaller, Life

JOB, HISTORY, SUMMARY = "job.json", "history.jsonl", "client.json"
RECOVERED = "recovered"
_LEAD_SECONDS = 0.5  # between the beginning and the first join
_WATCH_SECONDS = 1.0
_STRANGER = "203.0.113.9"  # the client IP of who only looks


@dataclass(frozen=True, slots=True)
class ClientJob:
    """What to play: the ports of the site and of its payment gateway, the sale, and the logins.

    `logins`: [user id, access token] of each fan. Seconds count from the opening: the sale goes on
    for `expected_seconds` at the least. Where it has faults a witness asks until `write_recovered`.
    """

    port: int
    gateway_port: int
    performance_id: str
    has_queue: bool
    profile: dict[str, Any]
    seed: int
    logins: list[tuple[str, str]]
    expected_seconds: float = 0.0
    has_faults: bool = False


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
    connections = min(profile.connections, 2 * profile.fans)
    driver = Driver(job.port, connections, sale, gateway_port=job.gateway_port)
    begun = time.monotonic() + _LEAD_SECONDS
    sale.expected_until = begun + job.expected_seconds
    crowd = _crowd(job, profile, sale, begun)
    if job.has_faults:
        crowd.append(_witness(job, sale, begun, folder))
    for process, (user_id, life) in enumerate(crowd):
        driver.start(life, process=process, user_id=user_id)
    if job.has_queue:
        driver.watch(_watch(sale, begun))
    summary = driver.run(begun, until=begun + profile.longest_seconds)
    recorded.write(folder / HISTORY, History(tuple(driver.history)))
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


def _witness(job: ClientJob, sale: RushSale, begun: float, folder: Path) -> tuple[str, Life]:
    """Return the life of who watches over the site, with the login of the first fan."""
    user_id, token = job.logins[0]
    caller = FanCaller(client_ip=_STRANGER, user_id=user_id, access_token=token)
    last = begun + sale.profile.longest_seconds

    def goes_on() -> bool:
        return not (folder / RECOVERED).exists() and time.monotonic() < last

    return user_id, lives.witness(caller, sale, begun=begun, goes_on=goes_on)


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


def write_recovered(folder: Path) -> None:
    """Let the witness of a client know that every part had its time to recover."""
    (folder / RECOVERED).touch()


if __name__ == "__main__":
    # What a fan remembers is no garbage while the sale runs, and looking for some would stop all.
    gc.disable()
    main(Path(sys.argv[1]))
