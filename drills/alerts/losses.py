"""Parts that are lost: killed or stopped, and started again."""

import os
import signal
from collections.abc import Callable

from drills.alerts.fault import Mending
from drills.alerts.site import ObservedSite

_ANY_KEY = "fr:l:{drill}:key"


def kill(*parts: str) -> Callable[[ObservedSite], Mending]:
    """Return the fault that kills `parts` at once."""

    def breaks(site: ObservedSite) -> Mending:
        site.do("kill", *parts)
        return _starting(site, *parts)

    return breaks


def kill_leader(site: ObservedSite) -> Mending:
    """Kill the leader's PostgreSQL; its Patroni starts it again, as a standby."""
    os.kill(site.postmaster(site.leader()), signal.SIGKILL)
    return lambda: None


def stop_a_standby(site: ObservedSite) -> Mending:
    """Stop one of two standbys."""
    standby = site.standbys()[0]
    site.do("stop", standby)
    return _starting(site, standby)


def stop_both_standbys(site: ObservedSite) -> Mending:
    """Stop every standby: commits wait."""
    standbys = site.standbys()
    site.do("stop", *standbys)
    return _starting(site, *standbys)


def kill_lock_master(site: ObservedSite) -> Mending:
    """Kill a master of the lock cluster; its replica takes its place."""
    master, _ = site.owner("lock", _ANY_KEY)
    site.do("kill", master)
    return _starting(site, master)


def kill_lock_shard(site: ObservedSite) -> Mending:
    """Kill a master of the lock cluster and its replica: its slots have nobody."""
    master, replica = site.owner("lock", _ANY_KEY)
    site.do("kill", replica, master)
    return _starting(site, master, replica)


def _starting(site: ObservedSite, *parts: str) -> Mending:
    return lambda: site.do("start", *parts)
