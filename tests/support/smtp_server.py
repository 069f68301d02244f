"""A real SMTP server for tests, which may refuse, hang or be away."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller

from stack.service import free_ports


class SmtpServer:
    """What it took in, and how it behaves: `refused` maps recipients to replies."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refused: dict[str, str] = {}
        self.hangs_up_at: set[str] = set()  # recipients at whose letters it drops the connection
        self.largest = 10_000_000  # bytes of a letter
        self.data_reply = "250 OK"
        self.asked = 0
        self.port = free_ports(1)[0]
        self.go_on = threading.Event()
        self.go_on.set()
        self._controller: Controller | None = None

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.asked += 1
        if self.hangs_up_at.intersection(envelope.rcpt_tos):
            server.transport.abort()
            return "421 gone"
        if self.data_reply.startswith("250"):
            self.letters.append(message_from_bytes(envelope.content, policy=default))
            self.recipients += envelope.rcpt_tos
        while not self.go_on.is_set():
            await asyncio.sleep(0.01)
        return self.data_reply

    def start(self) -> None:
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, data_size_limit=self.largest
        )
        self._controller.start()

    def stop(self) -> None:
        self.go_on.set()
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


@contextmanager
def smtp_server(settings: Any) -> Iterator[SmtpServer]:
    """Run a server, and let the product's mail go there."""
    server = SmtpServer()
    server.start()
    settings.MAIL_DELIVERY_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    try:
        yield server
    finally:
        server.stop()
