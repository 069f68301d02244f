"""Mail leaves through the workers, reaches a real SMTP server, and isn't lost with the broker."""

import base64
import json
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default as default_policy

import pytest
from aiosmtpd.controller import Controller
from celery.app.task import Context
from django.conf import settings as django_settings
from django.core.mail import EmailMultiAlternatives, get_connection
from redis import Redis

from accounts import notices, operations
from kernel.db.transaction import transaction
from kernel.workers import mail
from stack.service import free_ports
from tests.support import factories


class Inbox:
    """What the mail server took in."""

    def __init__(self) -> None:
        self.letters: list = []

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802
        self.letters.append(envelope)
        return "250 OK"


@pytest.fixture
def inbox(settings) -> Iterator[Inbox]:
    inbox = Inbox()
    (port,) = free_ports(1)
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    settings.MAIL_DELIVERY_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    yield inbox
    controller.stop()


@pytest.fixture
def broker() -> Iterator[Redis]:
    broker = Redis.from_url(django_settings.CELERY_BROKER_URL)
    broker.delete("mail")
    yield broker
    broker.delete("mail")
    broker.close()


def send() -> None:
    letter = EmailMultiAlternatives(
        "확인 코드", "코드: 1234", "frontrow@example.com", ["fan@example.com"]
    )
    letter.attach_alternative("<b>1234</b>", "text/html")
    get_connection("kernel.workers.mail.QueuedBackend").send_messages([letter])


def queued_arguments(broker: Redis) -> list:
    (raw,) = broker.lrange("mail", 0, -1)
    arguments, _, _ = json.loads(base64.b64decode(json.loads(raw)["body"]))
    return arguments


def test_a_letter_waits_for_a_worker_and_is_delivered_by_it(inbox, broker):
    send()
    assert inbox.letters == []
    mail.deliver.run(*queued_arguments(broker))
    (letter,) = inbox.letters
    assert letter.rcpt_tos == ["fan@example.com"]
    assert b"multipart/alternative" in letter.content


def test_a_letter_about_a_change_reaches_the_old_mailbox_in_both_languages(
    inbox, broker, settings, db_ready
):
    settings.EMAIL_BACKEND = "kernel.workers.mail.QueuedBackend"
    fan = factories.make_user(email="old@bücher.example")
    with transaction():
        operations.move_email(user=fan, email="new@example.com")
        facts = {"from_email": "old@xn--bcher-kva.example", "to_email": fan.email}
        notices.send("account/email/email_changed", facts["from_email"], facts)
        assert broker.llen("mail") == 0  # not before it is true
    mail.deliver.run(*queued_arguments(broker))
    (letter,) = inbox.letters
    assert letter.rcpt_tos == ["old@xn--bcher-kva.example"]
    read = message_from_bytes(letter.content, policy=default_policy)
    assert read["Subject"].strip().startswith("[Frontrow] 이메일 주소가 변경")
    body = read.get_body(("plain",)).get_content()
    assert "변경되었습니다" in body
    assert "was changed from old@xn--bcher-kva.example to new@example.com" in body
    assert "/account/password/reset" in body


@pytest.mark.parametrize("again", [False, True])
def test_what_a_letter_says_is_not_shown_to_who_watches_the_workers(broker, again):
    send()
    if again:  # as a worker that met no mail server would
        arguments = queued_arguments(broker)
        broker.delete("mail")
        mail.deliver.signature_from_request(
            Context({"id": "one", "task": "mail.deliver", "args": arguments, "kwargs": {}}),
            arguments,
            {},
        ).apply_async()
    (raw,) = broker.lrange("mail", 0, -1)
    shown = json.loads(raw)["headers"]  # what events, Flower and logs repeat
    assert shown["argsrepr"] == "(not shown)"
    assert "1234" not in json.dumps(shown)
    assert "1234" in json.dumps(queued_arguments(broker))


def test_with_the_broker_away_the_sender_delivers_itself(inbox, broker, monkeypatch):
    (nobody_listens,) = free_ports(1)
    monkeypatch.setattr(
        mail.deliver.app.conf, "broker_write_url", f"redis://127.0.0.1:{nobody_listens}/0"
    )
    mail.deliver.app.pool.force_close_all()
    monkeypatch.setattr(mail.deliver.app, "_pool", None)
    monkeypatch.setattr(mail.deliver.app.amqp, "_producer_pool", None)
    send()
    assert broker.llen("mail") == 0
    assert len(inbox.letters) == 1
