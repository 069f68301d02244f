"""A master of Valkey dies a second after its replica has lost touch with it: the worst loss."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from drills.drill import DrillRun, Healing
from stack.profiles import NODES

_BEHIND_SECONDS, _BEHIND_AT_MOST = 1.0, 20.0
_LOOK_SECONDS = 0.1
_PROBE_SECONDS, _PROBES_LAST = 0.05, 12.0
_KEYS = 200  # of which a master of three surely has one
OTHER_SLOTS = "other slots, longest gap"
_NO_PASSWORD = "nobody-asks-for-one"  # noqa: S105  (which the master refuses)


Lack = Callable[[Redis, set[bytes]], bool]  # the master, and those of its keys that are lacking


def kill_master(run: DrillRun, role: str, key: str, *, enough: Lack | None = None) -> Healing:
    """Kill the master of a key's slot, whose replica lacks its last second; return the way back.

    With few flows a second may be too short for what is to be lost: it is longer until `enough`.
    The figure `OTHER_SLOTS` is how long a write to another master's slot went without an answer.
    """
    site = run.site
    master, replica = site.owner(role, key)
    others = [name for name in NODES[role] if name not in (master, replica)]
    watching = threading.Thread(target=_watch, args=(run, others))
    watching.start()
    follower = site.node(replica)
    # A master without a password refuses who comes with one, so the replica can't follow again.
    follower.config_set("masterauth", _NO_PASSWORD)
    follower.client_kill_filter(_type="master")
    time.sleep(_BEHIND_SECONDS)
    if enough is not None:
        _await_lack(site.node(master), follower, enough)
    site.do("kill", master)
    follower.config_set("masterauth", "")
    follower.close()

    def heal() -> None:
        watching.join()
        site.do("start", master)

    return heal


def _await_lack(master: Redis, follower: Redis, enough: Lack) -> None:
    until = time.monotonic() + _BEHIND_AT_MOST
    while time.monotonic() < until:
        if enough(master, set(master.scan_iter(count=1000)) - set(follower.scan_iter(count=1000))):
            break
        time.sleep(_LOOK_SECONDS)
    master.close()


def _watch(run: DrillRun, names: list[str]) -> None:
    """Write to those of the nodes that are masters, and keep how long one did not take it."""
    until = time.monotonic() + _PROBES_LAST
    nodes = {name: run.site.node(name) for name in names}
    keys = {name: key for name, node in nodes.items() if (key := _own_key(node))}
    taken = {name: [time.monotonic()] for name in keys}
    while time.monotonic() < until:
        for name, key in keys.items():
            with suppress(RedisError):
                nodes[name].set(key, "1", ex=60)
                taken[name].append(time.monotonic())
        time.sleep(_PROBE_SECONDS)
    gaps = [after - before for moments in taken.values() for before, after in pairwise(moments)]
    run.figures[OTHER_SLOTS] = round(max(gaps, default=_PROBES_LAST), 2)
    for node in nodes.values():
        node.close()


def _own_key(node: Redis) -> str:
    """Return a key that this node takes writes of, "" where it is a replica."""
    for number in range(_KEYS):
        with suppress(ResponseError):
            node.set(f"drill:{number}", "1", ex=60)
            return f"drill:{number}"
    return ""
