"""The access line: one a request, with a refusal's code, who asked, and what a hold came to."""

import logging
import re
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import Client

from config.wsgi import application
from kernel.http.middleware import KnownHostsMiddleware
from kernel.telemetry import access_log
from reservations import metrics
from tests.support import factories
from tests.support.service import ServiceTwins
from tests.support.wsgi import answer_of, wish

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "metrics.md"

# The same request, answered in front of Django and by Django.
WAYS = pytest.mark.parametrize(
    "by", [lambda: ServiceTwins().fast, lambda: application], ids=["service", "django"]
)


@pytest.fixture
def lines(caplog, settings):
    """Return the access lines since the last look, and forget the other lines."""
    settings.LOG_FORMAT = "console"  # by way of the log, where those of both paths can be seen
    caplog.set_level(logging.INFO)

    access_log.flush()  # of the tests before
    caplog.clear()

    def look() -> list[dict]:
        access_log.flush()
        found = [vars(record) for record in caplog.records if record.name == "frontrow.access"]
        caplog.clear()
        return found

    return look


def hold(user, performance, seats, by=lambda: application, **more):
    body = {"performance_id": str(performance.pk), "seat_ids": [str(seat) for seat in seats]}
    return answer_of(by(), wish(user, body, **more))


@WAYS
def test_a_hold_says_who_and_what_it_came_to(lines, fan, by):
    performance = factories.make_performance()
    seats = factories.seat_ids(performance, 1)
    assert hold(fan, performance, seats, by).status.startswith("201")
    [line] = lines()
    assert (line["user_id"], line["hold_outcome"]) == (str(fan.pk), "held")
    assert "code" not in line


@WAYS
def test_a_refused_hold_says_by_whom_and_with_which_code(lines, fan, by):
    performance = factories.make_performance()
    seats = factories.seat_ids(performance, 1)
    hold(factories.make_user(), performance, seats)
    lines()
    assert hold(fan, performance, seats, by).status.startswith("409")
    [line] = lines()
    assert (line["user_id"], line["code"]) == (str(fan.pk), "seat_taken")
    assert line["hold_outcome"] == "refused_by_gate"


def test_a_kept_answer_says_its_code_again(lines, fan):
    performance = factories.make_performance()
    seats, key = factories.seat_ids(performance, 1), {"HTTP_IDEMPOTENCY_KEY": str(uuid4())}
    hold(factories.make_user(), performance, seats)
    for _ in range(2):
        lines()
        answer = hold(fan, performance, seats, **key)
    assert answer.header("Idempotency-Replayed") == "true"
    [line] = lines()
    assert line["code"] == "seat_taken"
    assert "hold_outcome" not in line  # nothing was tried


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing/", 404, "not_found"),
        ("GET", "/api/v1/points/", 401, "not_authenticated"),
        ("PUT", "/api/v1/concerts/", 405, "method_not_allowed"),
        ("GET", "/nothing", 404, "not_found"),
    ],
)
def test_a_refusal_says_its_code(api, lines, method, path, status, code):
    assert api.generic(method, path).status_code == status
    [line] = lines()
    assert (line["status"], line["code"]) == (status, code)
    assert "user_id" not in line


def test_the_login_api_says_its_code_too(lines, db_ready):
    wrong = {"email": "nobody@example.com", "password": "wrong-horse-battery"}
    answer = Client().post("/_allauth/app/v1/auth/login", wrong, "application/json")
    assert answer.status_code == 400
    [line] = lines()
    assert line["code"] == "email_password_mismatch"


def test_staff_at_the_admin_are_named_by_id(lines, db_ready):
    user = factories.make_user(is_staff=True, is_superuser=True)
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    lines()
    assert browser.get("/admin/").status_code == 200
    [line] = lines()
    assert line["user_id"] == str(user.pk)
    assert user.email not in str(line)


def test_naming_who_asked_costs_no_statement(lines, django_assert_num_queries, db_ready):
    browser = Client()
    browser.cookies["sessionid"] = "0" * 32
    with django_assert_num_queries(0):
        assert browser.get("/healthz/live").status_code == 200
    assert "user_id" not in lines()[0]


def test_every_refusal_is_one_line(api, caplog):
    caplog.set_level(logging.INFO)
    api.get("/api/v1/nothing/")
    assert [record.name for record in caplog.records] == ["frontrow.access"]


def test_the_outcomes_of_holds_are_documented():
    """Who counts lines finds the values of the label in the documents."""
    text = DOCUMENT.read_text()
    row = next(line for line in text.splitlines() if line.startswith("| `hold_outcome`"))
    found = set()
    for path in (ROOT / "reservations").rglob("*.py"):
        found |= set(re.findall(r'(?:count_hold\(|count_hold, |outcome=)"(\w+)"', path.read_text()))
    assert len(found) >= 6
    assert [outcome for outcome in found if f"`{outcome}`" not in row] == []
    assert metrics.holds._labelnames == ("outcome",)


@pytest.mark.parametrize("host", ["evil.example", "10.0.0.5:8000", "[::1]", "a b", "", "x" * 300])
def test_a_foreign_host_is_one_line_without_a_trace(api, caplog, host):
    caplog.set_level(logging.INFO)
    answer = api.get("/api/v1/concerts/", headers={"Host": host, "Accept-Language": "en"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["code"] == "malformed_request"
    assert "could not be" in answer.json()["detail"]
    [record] = caplog.records
    assert (record.name, record.exc_info) == ("frontrow.access", None)
    assert record.code == "malformed_request"


@pytest.mark.parametrize("path", ["/api/v1/reservations/", "/admin/", "/_allauth/app/v1/config"])
def test_a_foreign_host_is_refused_everywhere(api, path):
    assert api.get(path, headers={"Host": "evil.example"}).status_code == 400


def test_a_foreign_host_gets_no_hold(lines, fan):
    performance = factories.make_performance()
    seats = factories.seat_ids(performance, 1)
    assert hold(fan, performance, seats, HTTP_HOST="evil.example").status.startswith("400")
    assert [line["code"] for line in lines()] == ["malformed_request"]


@pytest.mark.parametrize("path", ["/healthz/live", "/healthz/ready", "/healthz/startup"])
@pytest.mark.parametrize("host", ["10.0.0.5", "10.0.0.5:8000", "[::1]", "evil.example", ""])
@pytest.mark.parametrize("redirect", [False, True])
def test_health_answers_whatever_the_host(api, settings, db_ready, path, host, redirect):
    settings.SECURE_SSL_REDIRECT = redirect
    settings.SECURE_REDIRECT_EXEMPT = [r"^healthz/", r"^metrics$"]
    assert api.get(path, headers={"Host": host}).status_code == 200


def test_metrics_are_scraped_by_address(api, db_ready):
    assert api.get("/metrics", headers={"Host": "10.0.0.5:8000"}).status_code == 200


@pytest.mark.control
def test_control_without_the_look_at_the_host_the_refusal_is_more_than_a_line(
    api, caplog, monkeypatch
):
    monkeypatch.setattr(
        KnownHostsMiddleware, "__call__", lambda self, request: self.get_response(request)
    )
    caplog.set_level(logging.INFO)
    api.get("/api/v1/concerts/", headers={"Host": "evil.example"})
    assert len(caplog.records) > 1
