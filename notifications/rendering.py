"""Letters as they are sent: subject, text and HTML in the fan's language."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation

from accounts.queries import Mailbox
from concerts.models import Performance
from kernel.i18n import localized
from kernel.text.written import moment_text, money_text
from notifications import policy, queries
from notifications.attachments import Attachment
from notifications.kinds import LetterKind, kind_named
from notifications.operations import ClaimedLetter

log = logging.getLogger(__name__)


def message_id(letter: ClaimedLetter) -> str:
    """Return the Message-ID of a letter, the same whenever it is sent."""
    return f"<{letter.id}@{urlsplit(settings.FRONTROW_URL).hostname}>"


def render(letter: ClaimedLetter, mailbox: Mailbox) -> EmailMultiAlternatives:
    """Return the letter, ready to send. Raises `LookupError` for a kind that is gone."""
    kind = kind_named(letter.kind)
    with translation.override(mailbox.language):
        names = {"name": mailbox.display_name, "language": mailbox.language}
        facts = _facts_of(letter.data) | names
        folder = f"notifications/{kind.name}/{mailbox.language}"
        # Django refuses a line break in a header; titles of concerts may come with one.
        subject = " ".join(render_to_string(f"{folder}.subject.txt", facts).split())
        message = EmailMultiAlternatives(
            subject,
            render_to_string(f"{folder}.txt", facts),
            to=[mailbox.email],
            headers={
                "Message-ID": message_id(letter),
                "Auto-Submitted": "auto-generated",
                "Content-Language": mailbox.language,
            },
        )
        message.attach_alternative(render_to_string(f"{folder}.html", facts), "text/html")
        for file in _files(letter, kind):
            message.attach(file.name, file.content, file.media_type)
    return message


def _files(letter: ClaimedLetter, kind: LetterKind) -> list[Attachment]:
    """Return the files of a letter, or none where they would be too large to be taken."""
    files = [file for make in kind.attachments for file in make(letter.data)]
    size = sum(len(file.content) for file in files)
    if size <= policy.LARGEST_FILES:
        return files
    log.warning("files left out of a letter", extra={"letter": str(letter.id), "bytes": size})
    return []


def _facts_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what templates may use: the event's data, and the performance as it is now."""
    facts: dict[str, Any] = {"data": data, "url": settings.STOREFRONT_URL}
    if "performance_id" in data:
        performance = queries.performance_of(UUID(data["performance_id"]))
        facts |= {
            "title": localized(performance.concert, "title"),
            "venue": localized(performance.concert.venue, "name"),
            "starts_at": _local(performance.starts_at, performance),
        }
        for name in ("until", "refund_until"):
            if data.get(name):
                facts[name] = _local(datetime.fromisoformat(data[name]), performance)
    for name in ("amount", "points_amount"):
        if name in data:
            facts[name] = money_text(data[name]["amount"], data[name]["currency"])
    return facts


def _local(moment: datetime, performance: Performance) -> str:
    """Return a moment as it is at the venue."""
    return moment_text(moment, performance.concert.venue.timezone)
