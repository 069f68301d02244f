"""Processes that send webhooks at the same time send each once; one that is killed loses none."""

import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from kernel import clock
from kernel.db.transaction import transaction
from tests.support.children import await_children_gone, child_environment
from tests.support.concurrency import race
from tests.support.interleaving import meet_after
from tests.support.small_server import served
from tests.support.webhooks import apply, delivery, event, hook, register, send
from webhooks import locking, policy
from webhooks.models import WebhookDelivery

pytestmark = pytest.mark.concurrency
ROOT = Path(__file__).resolve().parent.parent.parent
SEND = "from webhooks import tasks; tasks.send()"


SENDERS = 4


def sent_by_processes(monkeypatch) -> list[str]:
    """Let four, who all claim before any commits, send forty; return the ids that arrived."""
    meet_after(monkeypatch, locking, "claim_due", threads=SENDERS)
    now = clock.now()
    with hook() as one, hook() as other:
        for receiver in (one, other):
            register(receiver.url)
        apply(*[event(time=now) for _ in range(20)], now=now)
        race(*[lambda: send(now=now)] * SENDERS)
        return [*one.ids, *(f"{id_} again" for id_ in other.ids)]


def test_each_delivery_is_sent_once(db_ready, monkeypatch):
    ids = sent_by_processes(monkeypatch)
    assert len(ids) == len(set(ids)) == 40
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"DELIVERED"}


@pytest.mark.control
def test_without_the_locks_some_are_sent_several_times(db_ready, monkeypatch):
    monkeypatch.setattr(
        locking,
        "_LOCK_WITH_DUE",
        locking._LOCK_WITH_DUE.replace("FOR NO KEY UPDATE OF endpoint SKIP LOCKED", ""),
    )
    claim = """
        SELECT delivery.id, endpoint_id, event_id, event_type, payload, begun_at, retries, fence,
               url, secret, '', failing_since IS NOT NULL
          FROM webhooks_webhookdelivery AS delivery
          JOIN webhooks_webhookendpoint AS endpoint ON endpoint.id = endpoint_id
         WHERE status = 'WAITING' AND due_at <= %(now)s LIMIT 8"""
    monkeypatch.setattr(locking, "_CLAIM", claim)
    ids = sent_by_processes(monkeypatch)
    assert len(ids) > len(set(ids))


def most_under_way(monkeypatch) -> int:
    """Let four claim from one endpoint, all before any commits; return how many it has then."""
    monkeypatch.setattr(policy, "TRIES_AT_ONCE", 3)
    meet_after(monkeypatch, locking, "claim_due", threads=SENDERS)
    now = clock.now()
    register("http://127.0.0.1:1024/")
    apply(*[event(time=now) for _ in range(20)], now=now)

    def claim():
        with transaction():
            return len(locking.claim_due(now=now, most=8, most_failing=0))

    return sum(race(*[claim] * SENDERS))


def test_the_bound_of_an_endpoint_holds_over_all_processes(db_ready, monkeypatch):
    assert most_under_way(monkeypatch) == 3


@pytest.mark.control
def test_without_the_lock_of_the_endpoint_the_bound_is_broken(db_ready, monkeypatch):
    monkeypatch.setattr(
        locking,
        "_LOCK_WITH_DUE",
        locking._LOCK_WITH_DUE.replace("FOR NO KEY UPDATE OF endpoint SKIP LOCKED", ""),
    )
    monkeypatch.setattr(
        locking,
        "_CLAIM",
        locking._CLAIM.replace(
            "UPDATE webhooks_webhookendpoint SET claimed_at = %(now)s\n"
            "         WHERE id = ANY(%(endpoints)s::uuid[])\n        RETURNING",
            "SELECT",
        ).replace(
            "CASE WHEN former_until > %(now)s THEN former_secret ELSE '' END AS former)",
            "CASE WHEN former_until > %(now)s THEN former_secret ELSE '' END AS former\n"
            " FROM webhooks_webhookendpoint WHERE id = ANY(%(endpoints)s::uuid[]))",
        ),
    )
    assert most_under_way(monkeypatch) == 3 * SENDERS


def test_a_sender_that_is_killed_between_2xx_and_mark_leaves_a_repetition_of_the_same_id(db_ready):
    """A process of its own, and `kill -9` from inside of the receiver."""
    children, ids = [], []

    class Killing(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            ids.append(self.headers["webhook-id"])
            if len(ids) == 1:
                os.kill(children[0].pid, signal.SIGKILL)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    with served(Killing) as url:
        register(url)
        [one] = apply(event())
        children.append(
            subprocess.Popen(
                [sys.executable, "manage.py", "shell", "--no-imports", "-c", SEND],
                cwd=ROOT,
                env=child_environment(),
            )
        )
        assert children[0].wait(60) == -signal.SIGKILL
        await_children_gone()
        assert delivery().status == "WAITING"
        send()
        assert ids == [str(one.id)]  # its lease is not over
        send(now=clock.now() + policy.LEASE)
    assert ids == [str(one.id)] * 2
    assert delivery().status == "DELIVERED"
