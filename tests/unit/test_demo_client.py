"""The client of `manage.py buy` is an app: it has a token, and keeps no cookie."""

from http.server import BaseHTTPRequestHandler

import httpx

from demo.site import Site
from tests.support.small_server import served


def test_a_cookie_that_the_site_sets_is_not_sent_back():
    seen = []

    class SetsCookie(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Cookie"])
            self.send_response(200)
            self.send_header("Set-Cookie", "device=abc; HttpOnly; Path=/; SameSite=Lax")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with served(SetsCookie) as url:
        site = Site(url)
        for _ in range(2):
            assert site.send("GET", "/", None, {}).status == 200
        site.close()
        with httpx.Client(base_url=url, trust_env=False) as browser:
            for _ in range(2):
                browser.get("/")
    assert seen == [None, None, None, "device=abc"]
