"""Workers that send letters at the same time send each once."""

import pytest

from kernel import clock
from notifications import locking, policy, smtp
from notifications.models import Notification
from notifications.usecases import sending
from tests.integration.test_notifications import letter_for
from tests.support import factories
from tests.support.concurrency import race
from tests.support.interleaving import meet_after
from tests.support.smtp_server import smtp_server

pytestmark = pytest.mark.concurrency


@pytest.fixture
def server(settings, db_ready):
    smtp.breaker.reset()
    with smtp_server(settings) as server:
        yield server


def sent_by_workers(server, monkeypatch) -> list[str]:
    """Let four workers, who all claim before any commits, send twenty; return the Message-IDs."""
    meet_after(monkeypatch, locking, "claim_due", threads=4)
    monkeypatch.setattr(policy, "LETTERS_PER_BATCH", 20)
    performance = factories.make_performance(seats=1)
    for _ in range(20):
        letter_for(factories.make_user(), performance)
    now = clock.now()
    race(*[lambda: sending.send_due(now=now)] * 4)
    return [letter["Message-ID"] for letter in server.letters]


def test_each_letter_is_sent_once(server, monkeypatch):
    ids = sent_by_workers(server, monkeypatch)
    assert len(ids) == len(set(ids)) == 20
    assert set(Notification.objects.values_list("status", flat=True)) == {"SENT"}


@pytest.mark.control
def test_without_the_claim_letters_are_sent_several_times(server, monkeypatch):
    monkeypatch.setattr(
        locking,
        "_CLAIM",
        "SELECT due_at, id, kind, user_id, data::text, attempts, fence, created_at"
        " FROM notifications_notification WHERE status = 'WAITING' AND due_at <= %(now)s",
    )
    ids = sent_by_workers(server, monkeypatch)
    assert len(ids) == 4 * len(set(ids)) == 80
