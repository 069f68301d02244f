"""What pages may do in a browser, and that JSON answers carry no policy of pages."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from django.conf import settings
from django.test import Client

from kernel.http.page_policy import PagePolicyMiddleware
from tests.support import factories

HEADER = "Content-Security-Policy"
DOCUMENTS = ("/api/docs/", "/api/redoc/", "/_allauth/openapi.html", "/docs/errors")
ADMIN = ("/admin/", "/admin/accounts/user/", "/admin/accounts/user/add/", "/admin/password_change/",
         "/admin/concerts/concert/add/")  # fmt: skip


class Inline(HTMLParser):
    """Collects what a policy without 'unsafe-inline' would not let run or apply."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.styles: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "script" and not names.get("src") and names.get("type") != "application/json":
            self.scripts.append(tag)
        self.scripts += [name for name in names if name.startswith("on")]
        self.scripts += [
            value for value in names.values() if (value or "").startswith("javascript:")
        ]
        self.styles += ["style"] if tag == "style" or "style" in names else []


def inline_of(page: str) -> Inline:
    found = Inline()
    found.feed(page)
    return found


def directives(policy: str) -> dict[str, list[str]]:
    parts = (part.split() for part in policy.split(";") if part.strip())
    return {name: values for name, *values in parts}


@pytest.fixture
def staff(db_ready) -> Client:
    browser = Client()
    user = factories.make_user(is_staff=True, is_superuser=True)
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser


@pytest.mark.parametrize("path", [*DOCUMENTS, *ADMIN, "/admin/login/"])
def test_every_page_has_a_policy_that_lets_in_nothing_of_others(staff, path):
    policy = directives(staff.get(path).headers[HEADER])
    assert policy["default-src"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == ["'none'"]
    assert "'unsafe-inline'" not in policy.get("script-src", policy["default-src"])
    words = [word for values in policy.values() for word in values]
    assert not [word for word in words if re.search(r"https?:|[*]", word)]


@pytest.mark.parametrize("path", [*DOCUMENTS, *ADMIN, "/admin/login/"])
def test_no_page_holds_what_its_policy_forbids(staff, path):
    answer = staff.get(path)
    policy = directives(answer.headers[HEADER])
    inline = inline_of(answer.text)
    assert inline.scripts == []
    assert inline.styles == [] or "'unsafe-inline'" in policy["style-src"]


def test_swagger_ui_gets_its_script_by_an_address(client):
    page = client.get("/api/docs/").text
    [script] = [src for src in re.findall(r'src="([^"]+)"', page) if "script=" in src]
    answer = client.get(urljoin("/api/docs/", script))
    assert answer.headers["Content-Type"].startswith("application/javascript")
    assert "SwaggerUIBundle" in answer.text


def test_styles_are_written_into_explorers_alone(client, staff):
    assert "style-src" not in directives(staff.get("/admin/").headers[HEADER])
    assert "script-src" not in directives(client.get("/api/docs/").headers[HEADER])


@pytest.mark.parametrize(
    "path", ["/api/v1/concerts/", "/healthz/live", "/.well-known/jwks.json", "/api/v1/nothing/"]
)
def test_json_carries_no_policy(client, db_ready, path):
    answer = client.get(path)
    assert HEADER not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_messages_need_no_cookie_of_their_own(staff):
    staff.post("/admin/accounts/user/", {"action": "", "index": 0, "_selected_action": "0"})
    assert set(staff.cookies) <= {"sessionid", "csrftoken", settings.STAFF_LOGIN_COOKIE_NAME}


@pytest.mark.control
def test_control_without_the_middleware_no_page_has_a_policy(staff, monkeypatch):
    monkeypatch.setattr(
        PagePolicyMiddleware, "process_response", lambda self, request, response: response
    )
    assert HEADER not in staff.get("/admin/").headers
