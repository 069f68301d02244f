"""The part `mail`: a real SMTP server, and a page on which letters are harmless."""

import http.client
import json
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import pytest

from stack.mail import inbox
from stack.mail.page import respond_to
from stack.service import HOST, free_ports, listens
from tests.support.waiting import await_that

ROOT = Path(__file__).parents[2]
NASTY = "<script>alert(1)</script>"


class MailPart:
    def __init__(self) -> None:
        self.smtp, self.page = free_ports(2)
        argv = [sys.executable, "-m", "stack.mail", str(self.smtp), str(self.page)]
        self.process = subprocess.Popen(argv, cwd=ROOT)
        await_that(lambda: listens(self.page), "it listens", seconds=30)

    def send(self, message: EmailMessage) -> None:
        with smtplib.SMTP(HOST, self.smtp, timeout=10) as client:
            client.send_message(message)

    def get(self, path: str, host: str = "") -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(HOST, self.page, timeout=10)
        connection.request("GET", path, headers={"Host": host} if host else {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


@pytest.fixture(scope="module")
def part() -> Iterator[MailPart]:
    part = MailPart()
    yield part
    part.process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        assert part.process.wait(10) == 0
    part.process.kill()


def letter(subject: str = "안녕하세요", html: str = "<b>hello</b>") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "frontrow@localhost", "fan@example.com"
    message["Subject"], message["Message-ID"] = subject, "<one@localhost>"
    message.set_content(f"text {NASTY}")
    message.add_alternative(html, subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
    return message


def test_a_letter_is_taken_and_shown_in_each_form(part):
    part.send(letter())
    status, headers, body = part.get("/letters.json")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    shown = json.loads(body)["letters"][0]
    assert (shown["to"], shown["subject"]) == (["fan@example.com"], "안녕하세요")
    assert (shown["message_id"], shown["files"]) == ("<one@localhost>", ["a.pdf"])
    assert json.loads(part.get("/letters.json?to=fan@example.com")[2])["letters"][0] == shown
    assert json.loads(part.get("/letters.json?to=a@example.com")[2])["letters"] == []
    number = shown["number"]
    assert "안녕하세요" in part.get("/")[2].decode()
    assert part.get(f"/{number}/files/0")[2] == b"%PDF"
    assert b"<b>hello</b>" in part.get(f"/{number}/html")[2]
    assert b"Message-ID: <one@localhost>" in part.get(f"/{number}/raw")[2]


def test_what_a_letter_brings_runs_nothing(part):
    part.send(letter(subject=NASTY, html=NASTY))
    number = json.loads(part.get("/letters.json")[2])["letters"][0]["number"]
    for path in ("/", f"/{number}"):
        assert NASTY.encode() not in part.get(path)[2]
    for path in ("/", f"/{number}", f"/{number}/html", f"/{number}/raw"):
        headers = part.get(path)[1]
        assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/", "evil.example", 403),
        ("/", "127.0.0.1.evil.example", 403),
        ("/", "localhost:8025", 200),
        ("/999999", "", 404),
        ("/1/files/99", "", 404),
        ("/../etc/passwd", "", 404),
    ],
)
def test_other_hosts_and_other_places_show_nothing(part, path, host, status):
    part.send(letter())
    assert part.get(path, host)[0] == status


def test_bytes_that_are_hardly_a_letter_are_shown_too(part):
    with smtplib.SMTP(HOST, part.smtp, timeout=10) as client:
        client.sendmail("a@b", ["fan@example.com"], b"\xff\xfe no header at all\r\n")
    number = json.loads(part.get("/letters.json")[2])["letters"][0]["number"]
    assert part.get(f"/{number}")[0] == 200


def test_the_oldest_letters_go_first(monkeypatch):
    box = inbox.Inbox()
    for number in range(inbox.MOST_LETTERS + 2):
        box.add("a@b", ("c@d",), f"Subject: {number}\n\n".encode())
    assert len(box.letters()) == inbox.MOST_LETTERS
    assert box.letter(2) is None
    assert respond_to(box, "/2") is None
    assert respond_to(box, "/3") is not None
