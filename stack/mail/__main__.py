"""Run the local mail server: `python -m stack.mail SMTP_PORT PAGE_PORT`."""

import signal
import sys
import threading
from http.server import ThreadingHTTPServer

from aiosmtpd.controller import Controller

from stack.mail.inbox import LARGEST_LETTER, Inbox
from stack.mail.page import handler_of

HOST = "127.0.0.1"


def main() -> int:
    """Take letters and show them until a signal comes."""
    smtp_port, page_port = (int(word) for word in sys.argv[1:3])
    inbox, stopping = Inbox(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    letters = Controller(inbox, hostname=HOST, port=smtp_port, data_size_limit=LARGEST_LETTER)
    letters.start()
    page = ThreadingHTTPServer((HOST, page_port), handler_of(inbox))
    threading.Thread(target=page.serve_forever, daemon=True).start()
    stopping.wait()
    page.shutdown()
    letters.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
