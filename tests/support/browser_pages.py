"""Pages for the browser around the scripts of ui/dist, in front of a running site's API.

The server hands on what lies under `/api/` to the site, byte for byte, so the scripts speak with
the real API. Its own are the HTML of a test, under the policy of fans' pages, and the token of a
login.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support.small_server import served

UI = Path(__file__).resolve().parent.parent.parent / "ui"
STATIC = {"/static/": UI / "dist", "/static-tests/": UI / "dist-tests"}
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types lit-html frontrow"
)
_HANDED_ON = {
    "accept", "accept-language", "authorization", "content-type", "idempotency-key",
    "if-none-match", "x-queue-token",
}  # fmt: skip
_HANDED_BACK = {"content-type", "retry-after", "etag", "cache-control", "idempotency-replayed"}


@dataclass
class BrowserPages:
    """A test's pages.

    `failing`: what part of an address is answered by which status instead; `stalling`: addresses
    whose answers stop in the middle; `files`: what else lies at which path; `headers`: more of
    those of a page.
    """

    site_url: str
    url: str = ""
    html: dict[str, str] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    stalling: set[str] = field(default_factory=set)
    failing: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def add(
        self,
        path: str,
        *,
        script: str,
        data: dict[str, Any],
        body: str,
        language: str = "en",
        policy: str = CSP,
    ) -> str:
        """Put a page at a path of `/{language}`; returns its URL.

        `{data}` in the body becomes the element `fr-data`.
        """
        shared = {
            "language": language,
            "csrf_cookie": "csrftoken",
            "csrf_header": "X-CSRFToken",
            "login_cookie": "logged_in",
        }
        urls = {
            "token": "/account/token/",
            "login": "/account/login/",
            "me": f"/{language}/me/",
            "worker": "/static/worker.js",
        }
        known = {**shared, **data, "urls": {**urls, **data.get("urls", {})}}
        text = json.dumps(known).replace("<", "\\u003c")
        tag = f'<script type="application/json" id="fr-data">{text}</script>'
        address = f"/{language}{path}"
        self.html[address] = _PAGE.format(
            language=language, script=script, body=body.replace("{data}", tag)
        )
        self.policies[address] = policy
        return self.url + address

    def count(self, method: str, end: str) -> int:
        """Return how many requests came by a method for addresses with this end."""
        return sum(1 for how, path in list(self.requests) if how == method and path.endswith(end))


_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Frontrow</title>
<link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/static/site.css">
<script type="module" src="/static/{script}.js"></script>
</head>
<body>
<header class="fr-header"><a href="/{language}/">Frontrow</a>
<nav aria-label="Account"><a href="/{language}/me/" data-fr-logged-in hidden>My page</a>
<a href="/account/login/" data-fr-logged-out>Login</a></nav></header>
<main>{body}</main>
<div id="fr-live" class="fr-unseen" role="status"></div>
</body>
</html>
"""


@contextmanager
def browser_pages(site_url: str) -> Iterator[BrowserPages]:
    """Serve a test's pages before the API of the site at `site_url`."""
    pages = BrowserPages(site_url)
    client = httpx.Client(trust_env=False, verify=False, timeout=30)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def do_HEAD(self) -> None:
            pages.requests.append(("HEAD", urlsplit(self.path).path))
            self._send(200, b"", {})

        def _answer(self) -> None:
            path = urlsplit(self.path).path
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            pages.requests.append((self.command, path))
            for part, (status, problem) in list(pages.failing.items()):
                if part in path:
                    self._send_json(status, problem)
                    return
            if path in pages.stalling:
                self._stall()
            elif path.startswith("/api/"):
                self._hand_on(body)
            elif path == "/account/token/":
                self._token()
            else:
                self._file(path)

        def _hand_on_stream(self) -> None:
            """Hand on what comes as it comes, until either side hangs up."""
            kept = {"Accept": "text/event-stream"}
            if "Last-Event-ID" in self.headers:
                kept["Last-Event-ID"] = self.headers["Last-Event-ID"]
            self.close_connection = True
            try:
                with client.stream("GET", pages.site_url + self.path, headers=kept) as answer:
                    self.send_response(answer.status_code)
                    self.send_header("Content-Type", answer.headers["Content-Type"])
                    self.send_header("Connection", "close")
                    self.end_headers()
                    for chunk in answer.iter_raw():
                        self.wfile.write(chunk)
            except (httpx.HTTPError, OSError):
                pass  # the stream was cut, or nobody listens any more

        def _stall(self) -> None:
            """Begin an answer, and wait until nobody waits for the rest."""
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"{")
            self.rfile.read(1)
            self.close_connection = True

        def _hand_on(self, body: bytes) -> None:
            if self.path.endswith("/stream/"):
                self._hand_on_stream()
                return
            headers = {k: v for k, v in self.headers.items() if k.lower() in _HANDED_ON}
            answer = client.request(
                self.command, pages.site_url + self.path, headers=headers, content=body
            )
            kept = {k: v for k, v in answer.headers.items() if k.lower() in _HANDED_BACK}
            self._send(answer.status_code, answer.content, kept)

        def _token(self) -> None:
            cookies = SimpleCookie(self.headers.get("Cookie", ""))
            csrf = cookies.get("csrftoken")
            login = cookies.get("login")
            if csrf is None or self.headers.get("X-CSRFToken") != csrf.value:
                self._send_json(403, {"code": "csrf_failed"})
            elif login is None:
                self._send_json(401, {"code": "not_authenticated"})
            else:
                self._send_json(200, {"access_token": login.value, "expires_in": 600})

        def _file(self, path: str) -> None:
            places = [pages.files[path]] if path in pages.files else []
            places += [
                folder / path.removeprefix(prefix)
                for prefix, folder in STATIC.items()
                if path.startswith(prefix)
            ]
            for place in places:
                if place.is_file():
                    self._send(200, place.read_bytes(), {"Content-Type": TYPES[place.suffix]})
                    return
            html = pages.html.get(path)
            policy = pages.policies.get(path, CSP)
            kind = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
            kind |= pages.headers.get(path, {})
            found = html if html is not None else f"<!doctype html><title>{path}</title>"
            self._send(200 if html is not None else 404, found.encode(), kind)

        def _send_json(self, status: int, document: dict[str, Any]) -> None:
            retry = {"Retry-After": "1"} if status in (429, 503) else {}
            kind = {"Content-Type": "application/json", **retry}
            self._send(status, json.dumps(document).encode(), kind)

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with client, served(Handler) as url:
        pages.url = url
        yield pages
