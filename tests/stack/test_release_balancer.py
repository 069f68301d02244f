"""The balancer of released builds: each place gets its share, and no change of shares loses one."""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from drills.releases.balancer import Balancer
from stack.os_users import unprivileged
from stack.service import HOST, free_ports
from tests.support.small_server import replying

REQUESTS = 600


@pytest.fixture
def balanced(nginx):
    """Return a balancer before two servers, of which a answers 200 and b 503."""
    with ExitStack() as around:
        # Workers that stepped down look for files here.
        folder = Path(around.enter_context(tempfile.TemporaryDirectory(prefix="frt-balancer-")))
        folder.chmod(0o711)
        ports = {
            place: int(around.enter_context(replying(status)).rpartition(":")[2])
            for place, status in (("a", 200), ("b", 503))
        }
        (entry,) = free_ports(1)
        one = Balancer(nginx, folder / "balancer", entry, ports, unprivileged())
        around.callback(one.stop)
        one.start()
        yield one


def ask(balancer, count=REQUESTS):
    """Return the statuses of requests over kept connections."""
    with httpx.Client(base_url=f"http://{HOST}:{balancer.port}", trust_env=False) as client:
        headers = {"X-Forwarded-For": "10.0.0.1"}
        return [client.get("/api/v1/", headers=headers).status_code for _ in range(count)]


@pytest.mark.parametrize("percent", [0, 10, 30, 100])
def test_place_b_gets_its_share(balanced, percent):
    balanced.give(percent)
    share = 100 * ask(balanced).count(503) / REQUESTS
    # Four standard deviations of so many requests.
    chance = 400 * (percent / 100 * (1 - percent / 100) / REQUESTS) ** 0.5
    assert abs(share - percent) <= chance


def test_shares_change_while_fans_ask_and_nobody_is_lost(balanced):
    with ThreadPoolExecutor() as clients:
        asked = [clients.submit(ask, balanced) for _ in range(4)]
        while not all(one.done() for one in asked):
            for percent in (10, 30, 100, 0):
                balanced.give(percent)
    statuses = [status for one in asked for status in one.result()]
    assert len(statuses) == 4 * REQUESTS
    assert set(statuses) == {200, 503}


def test_it_says_who_was_served_from_where(balanced):
    began = time.time() - 1
    balanced.give(100)
    ask(balanced, 3)
    found = list(balanced.served(began))
    assert [(one.place, one.status, one.client_ip) for one in found] == [("b", 503, "10.0.0.1")] * 3
    assert all(one.has_failed for one in found)
    assert list(balanced.served(time.time() + 60)) == []
