"""The inbox of the local mail server: the last letters, as they came and as people read them."""

import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

MOST_LETTERS = 1000
LARGEST_LETTER = 10 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class Attached:
    """A file in a letter."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class ReceivedLetter:
    """A letter that was accepted."""

    number: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The letter, parsed."""
        parsed: EmailMessage = message_from_bytes(self.raw, policy=default)
        return parsed

    def body(self, kind: str) -> str:
        """Return the text (`plain`) or HTML (`html`) of the letter, empty where it has none."""
        part = self.message.get_body((kind,))
        return "" if part is None else str(part.get_content())

    def files(self) -> list[Attached]:
        """Return what is attached."""
        return [
            Attached(
                part.get_filename() or "file",
                part.get_content_type(),
                part.get_payload(decode=True) or b"",  # type: ignore[arg-type]
            )
            for part in self.message.iter_attachments()
        ]

    def as_json(self) -> dict[str, Any]:
        """Return what scripts want to know of it."""
        message = self.message
        return {
            "number": self.number,
            "received_at": self.received_at.isoformat(timespec="milliseconds"),
            "from": self.sender,
            "to": list(self.recipients),
            "subject": str(message["Subject"] or "").strip(),
            "message_id": str(message["Message-ID"] or "").strip(),
            "text": self.body("plain"),
            "files": [file.name for file in self.files()],
        }


class Inbox:
    """The last `MOST_LETTERS` letters; handles what aiosmtpd receives."""

    def __init__(self) -> None:
        self._letters: deque[ReceivedLetter] = deque(maxlen=MOST_LETTERS)
        self._lock = threading.Lock()
        self._received = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a letter, whatever it is."""
        self.add(str(envelope.mail_from), tuple(envelope.rcpt_tos), bytes(envelope.content))
        return "250 OK"

    def add(self, sender: str, recipients: tuple[str, ...], raw: bytes) -> None:
        """Keep a letter as the newest one."""
        with self._lock:
            self._received += 1
            letter = ReceivedLetter(self._received, datetime.now(UTC), sender, recipients, raw)
            self._letters.append(letter)

    def letters(self) -> list[ReceivedLetter]:
        """Return the letters, the newest first."""
        with self._lock:
            return list(reversed(self._letters))

    def letter(self, number: int) -> ReceivedLetter | None:
        """Return a letter by its number, unless it is gone."""
        return next((one for one in self.letters() if one.number == number), None)
