"""The mail server: one connection for several letters, behind a breaker.

What a server says of one letter (a recipient it doesn't know, a message it doesn't take or that is
too large) is that letter's affair. Everything else, a login that is refused among it, is an outage:
no letter is at fault, and the breaker keeps workers from waiting for a server that doesn't respond.
"""

from dataclasses import dataclass
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPSenderRefused

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from kernel.redis.breaker import Breaker

# Codes from here on are meant for good (RFC 5321); those below may pass.
_PERMANENT = 500
# "Service not available, closing": the server's own state, whatever it was asked.
_CLOSING = 421
# Said to the sender, but of the size that came with it (RFC 1870).
_TOO_LARGE = 552


@dataclass(frozen=True, slots=True)
class MailRefusal:
    """What the server had against one letter."""

    code: int
    reason: str

    @property
    def is_permanent(self) -> bool:
        """Say whether trying again is of no use."""
        return self.code >= _PERMANENT


breaker = Breaker("smtp", failures_on=(OSError, SMTPException), threshold=3, retry_seconds=10.0)


class MailServer:
    """A connection to the mail server, opened by the first letter. Use it as a context manager."""

    def __init__(self) -> None:
        self._connection = get_connection(settings.MAIL_DELIVERY_BACKEND)

    def __enter__(self) -> "MailServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(self, message: EmailMessage) -> MailRefusal | None:
        """Deliver one letter; return what the server had against it.

        Raises `DependencyUnavailable`: whether the letter arrived is not known then. Any other
        error is about this letter, which was not sent.
        """
        try:
            return breaker.call(lambda: self._send(message))
        except Exception:
            self._connection.close()
            raise

    def _send(self, message: EmailMessage) -> MailRefusal | None:
        reason: bytes | str
        try:
            self._connection.open()
            self._connection.send_messages([message])
        except SMTPRecipientsRefused as error:
            [(code, reason)] = error.recipients.values()
        except SMTPDataError as error:
            code, reason = error.smtp_code, error.smtp_error
        except SMTPSenderRefused as error:
            if error.smtp_code != _TOO_LARGE:
                raise
            code, reason = error.smtp_code, error.smtp_error
        else:
            return None
        if code == _CLOSING:
            raise SMTPException(reason)
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        return MailRefusal(code, f"{code} {text}")
