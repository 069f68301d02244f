"""The page of the local mail server: a list of letters, each as text, HTML and as it came."""

import json
import re
from collections.abc import Callable
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, quote, urlsplit

from stack.mail.inbox import Inbox, ReceivedLetter

# Letters come from anybody: what they bring runs nothing and loads nothing.
_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_OWN_HOSTS = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?")
_HEAD = "<!doctype html><meta charset=utf-8><title>Mail</title><style>body{font-family:sans-serif;\
margin:2em}td,th{padding:.3em 1em .3em 0;text-align:left}pre{white-space:pre-wrap}</style>"

Reply = tuple[str, bytes]  # media type and body


def handler_of(inbox: Inbox) -> type[BaseHTTPRequestHandler]:
    """Return the handler of requests that shows `inbox`."""

    class InboxPage(BaseHTTPRequestHandler):
        """GET `/`, `/letters.json[?to=ADDRESS]`, `/N`, `/N/html`, `/N/raw` and `/N/files/M`."""

        def do_GET(self) -> None:
            """Show a page."""
            # A page elsewhere whose name leads to this machine must not read the letters.
            if not _OWN_HOSTS.fullmatch(self.headers.get("Host", "")):
                self._respond(HTTPStatus.FORBIDDEN, ("text/plain", b"not this host\n"))
                return
            found = respond_to(inbox, self.path)
            if found is None:
                self._respond(HTTPStatus.NOT_FOUND, ("text/plain", b"no such letter\n"))
            else:
                self._respond(HTTPStatus.OK, found)

        def _respond(self, status: HTTPStatus, reply: Reply) -> None:
            media_type, body = reply
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", _POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Log nothing: the page is looked at all the time."""

    return InboxPage


def respond_to(inbox: Inbox, path: str) -> Reply | None:
    """Return what is at a path, None for nothing."""
    if path == "/":
        return _html(_list(inbox.letters()))
    asked = urlsplit(path)
    if asked.path == "/letters.json":
        wanted = dict(parse_qsl(asked.query)).get("to")
        # Only what is shown is parsed: a thousand letters with their files take seconds.
        found = [one for one in inbox.letters() if wanted is None or wanted in one.recipients]
        rows = [letter.as_json() for letter in found]
        return "application/json", json.dumps({"letters": rows}, ensure_ascii=False).encode()
    place = re.fullmatch(r"/(\d{1,9})(?:/(html|raw|files/(\d{1,3})))?", path)
    letter = inbox.letter(int(place[1])) if place else None
    if place is None or letter is None:
        return None
    if place[3]:
        files = letter.files()
        number = int(place[3])
        # As bytes, whatever the letter says they are: a browser stores them.
        return ("application/octet-stream", files[number].content) if number < len(files) else None
    views: dict[str | None, Callable[[ReceivedLetter], Reply]] = {
        None: lambda one: _html(_letter(one)),
        "html": lambda one: _html(one.body("html")),
        "raw": lambda one: ("text/plain; charset=utf-8", one.raw),
    }
    return views[place[2]](letter)


def _html(text: str) -> Reply:
    return "text/html; charset=utf-8", text.encode(errors="replace")


def _list(letters: list[ReceivedLetter]) -> str:
    rows = "".join(
        f"<tr><td>{letter.received_at:%H:%M:%S}<td>{escape(', '.join(letter.recipients))}"
        f'<td><a href="/{letter.number}">{escape(_subject(letter))}</a>'
        for letter in letters
    )
    return f"{_HEAD}<h1>Mail</h1><table><tr><th>UTC<th>To<th>Subject{rows}</table>"


def _letter(letter: ReceivedLetter) -> str:
    headers = "".join(
        f"<tr><th>{escape(name)}<td>{escape(str(value))}" for name, value in letter.message.items()
    )
    files = "".join(
        f'<li><a href="/{letter.number}/files/{number}" download="{quote(file.name)}">'
        f"{escape(file.name)}</a>"
        for number, file in enumerate(letter.files())
    )
    return (
        f"{_HEAD}<p><a href=/>All letters</a> <a href=/{letter.number}/html>HTML</a> "
        f"<a href=/{letter.number}/raw>as it came</a><table>{headers}</table>"
        f"<ul>{files}</ul><pre>{escape(letter.body('plain'))}</pre>"
    )


def _subject(letter: ReceivedLetter) -> str:
    return str(letter.message["Subject"] or "(no subject)").strip()
