"""Outgoing mail through the workers, so that no request waits for a mail server.

A message becomes a task of the queue `mail`, delivered at least once and tried again while the mail
server is unavailable. While the broker is unavailable, the request that sends it delivers it at
once: a code that confirms an e-mail address must not get lost.
"""

import logging
from collections.abc import Sequence
from smtplib import SMTPException
from typing import TYPE_CHECKING, Any

from celery import Task, shared_task
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

_FIELDS = ("subject", "body", "from_email", "to", "cc", "bcc", "reply_to", "extra_headers")


class QueuedBackend(BaseEmailBackend):
    """Django's mail backend that hands messages to the workers."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Queue every message; return how many were queued or delivered."""
        for message in email_messages:
            try:
                # One try: a request must not wait for the broker.
                deliver.apply_async(args=(_fields(message),), retry=False)
            except OperationalError:
                log.warning("broker unavailable, mail delivered by the request")
                _deliver(message)
        return len(email_messages)


if TYPE_CHECKING:  # generic for the type checker only
    _Task = Task[Any, Any]
else:
    _Task = Task


class Confidential(_Task):
    """A task whose arguments stay out of events, Flower and logs: mails carry codes."""

    def apply_async(self, *args: Any, **options: Any) -> Any:
        """Send it, or send it again, with a blank in place of its arguments' repr."""
        options["argsrepr"] = options["kwargsrepr"] = "(not shown)"
        return super().apply_async(*args, **options)


@shared_task(
    base=Confidential,
    name="mail.deliver",
    ignore_result=True,
    autoretry_for=(OSError, SMTPException),
    retry_backoff=5,
    retry_backoff_max=600,
    max_retries=12,
)
def deliver(fields: dict[str, Any]) -> None:
    """Deliver one message."""
    _deliver(_message(fields))


def _deliver(message: EmailMessage) -> None:
    get_connection(settings.MAIL_DELIVERY_BACKEND).send_messages([message])


def _fields(message: EmailMessage) -> dict[str, Any]:
    if message.attachments:
        raise TypeError("attachments can't travel through the broker")
    parts = [list(part) for part in getattr(message, "alternatives", [])]
    return {name: _plain(getattr(message, name)) for name in _FIELDS} | {"alternatives": parts}


def _plain(value: Any) -> Any:
    """Turn lazy text into text; lists and headers are plain already."""
    return value if isinstance(value, (list, dict)) else str(value)


def _message(fields: dict[str, Any]) -> EmailMessage:
    values = dict(fields)
    values["headers"] = values.pop("extra_headers")
    alternatives = [tuple(part) for part in values.pop("alternatives")]
    return EmailMultiAlternatives(**values, alternatives=alternatives)
