"""Whatever is asked for, the answer is JSON with the right status: never a 500, never HTML.

See tests/support/hostile.py.
"""

import json
import re
from typing import Any

import pytest

from kernel.ids import uuid7
from tests.support import factories
from tests.support.gateways import GatewayDouble
from tests.support.hostile import (
    OPERATIONS,
    PATHS,
    READS,
    SECURED,
    WITH_BODY,
    WITH_ID,
    Answer,
    Caller,
    Operation,
    code_of,
    token_of,
)

each = pytest.mark.parametrize


ADDRESS = "/api/v1/reservations/"


def test_there_are_operations_to_attack():
    assert len(OPERATIONS) > 20
    assert len(WITH_BODY) >= 3
    assert len(SECURED) > 10


MALFORMED = [
    "not-a-uuid",
    "123",
    "0",
    "-1",
    "null",
    "00000000-0000-0000-0000-00000000000g",
    "%00",
    "%0d%0aSet-Cookie:%20a=b",
    "..%2f..%2fetc%2fpasswd",
    "%ff%fe",
    "%EA%B0%80",
    "' OR 1=1 --".replace(" ", "%20"),
    "a" * 5000,
]


@each("operation", WITH_ID, ids=str)
def test_a_malformed_id_is_not_found(operation: Operation, caller: Caller):
    for identifier in MALFORMED:
        answer = caller.send(operation.method, operation.url(identifier), b"{}")
        assert code_of(answer) == (404, "not_found"), identifier


@each("operation", WITH_ID, ids=str)
def test_an_id_of_nothing_is_not_found(operation: Operation, caller: Caller):
    for identifier in (
        uuid7(),
        "00000000-0000-0000-0000-000000000000",
        "f" * 8 + "-ffff" * 4 + "f" * 8,
    ):
        answer = caller.send(operation.method, operation.url(identifier), operation.right_body)
        # A place in a waiting room is asked for by token first.
        allowed = {404, 403} if "queue/me" in operation.path else {404}
        assert answer.status_code in allowed, identifier


NOBODYS = ("performance", "concert", "checkin")
OWNED = [one for one in WITH_ID if not any(word in one.path for word in NOBODYS)]


def _body(answer: Answer) -> Any:
    assert answer.status_code < 300, answer.content
    return json.loads(answer.content)


@pytest.fixture
def ids(caller: Caller, charging: GatewayDouble) -> dict[str, str]:
    """Return the ids of what `caller` owns, by the names that addresses use."""
    performance = factories.make_performance(seats=2)
    first, second = map(str, factories.seat_ids(performance))

    def post(path: str, **body: object) -> Any:
        return _body(caller.send("POST", f"/api/v1/{path}", json.dumps(body).encode()))

    def hold(seat: str) -> str:
        return post("reservations/", performance_id=str(performance.pk), seat_ids=[seat])["id"]

    charge = post("points/charges/", amount=500_000)
    endpoint = post("webhook-endpoints/", url="https://example.com/", event_types=["payment.paid"])
    delivery = post(f"webhook-endpoints/{endpoint['id']}/ping/")
    bought = hold(first)
    payment = post("payments/", reservation_id=bought, method="POINTS")
    tickets = _body(caller.send("GET", f"/api/v1/reservations/{bought}/tickets/"))
    return {
        "charge_id": charge["id"],
        "delivery_id": delivery["id"],
        "endpoint_id": endpoint["id"],
        "payment_id": payment["id"],
        "ticket_id": tickets["results"][0]["id"],
        "reservation_id": hold(second),
    }


def test_what_belongs_to_somebody_else_is_not_found(caller: Caller, ids: dict[str, str]):
    other = Caller(token_of(factories.make_user(), groups=["integrator"]))
    assert len(OWNED) >= 6
    for operation in sorted(OWNED, key=lambda one: one.method == "DELETE"):
        url = operation.path.format(**ids)
        answer = other.send(operation.method, url, operation.right_body)
        assert answer.status_code == 404, str(operation)
        assert code_of(answer)[1].endswith("_not_found"), str(operation)
        if operation.method == "GET":  # the control: its owner finds it
            assert caller.send("GET", url).status_code in {200, 409}, str(operation)
    body = json.dumps({"reservation_id": ids["reservation_id"], "method": "POINTS"}).encode()
    paid = other.send("POST", "/api/v1/payments/", body)
    assert code_of(paid) == (404, "reservation_not_found")
    for path in ("reservations/", "tickets/", "points/entries/"):
        assert _body(other.send("GET", f"/api/v1/{path}"))["results"] == []
        assert _body(caller.send("GET", f"/api/v1/{path}"))["results"]


@each("path", PATHS)
def test_methods_that_are_not_offered_are_refused(path: str, caller: Caller):
    offered = {one.method for one in OPERATIONS if one.path == path}
    url = Operation("", path, (), None, secured=True).url()
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "BREW"} - offered:
        answer = caller.send(method, url, b"{}")
        assert code_of(answer) == (405, "method_not_allowed"), method
        assert offered <= set(answer.headers["Allow"].split(", ")), method


@each(
    "path",
    ["", "nothing/", "reservations/x/y/", "reservations//", "%00", "%ff", "admin/", "x" * 9000],
)
def test_an_address_of_nothing_is_not_found(path: str, caller: Caller):
    for method in ("GET", "POST", "DELETE"):
        assert code_of(caller.send(method, f"/api/v1/{path}", b"{}")) == (404, "not_found")


def test_an_address_without_its_slash_never_takes_a_body(caller: Caller):
    for operation in WITH_BODY:
        answer = caller.send(operation.method, operation.url().rstrip("/"), b"{}")
        assert answer.status_code == 404


VALUES = [
    "",
    "%00",
    "%ff",
    "%ED%A0%80",
    "x" * 8000,
    "%EA%B0%80" * 200,
    "-1",
    "0",
    "1e400",
    "99999999999999999999999",
    "null",
    "true",
    "[]",
    "2026-99-99",
    "2026-01-01T00:00:00",
    "9999-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00%2B14:00",
    "%27%20OR%201=1--",
    "%25",
    "%5C",
    "cD0yMDI2",  # a cursor, made up
    "cD0lMDA=",
]


@each("operation", READS, ids=str)
def test_no_query_breaks_anything(operation: Operation, caller: Caller):
    declared = operation.names("query")
    # Those it doesn't declare go together: they are only to be ignored.
    others = [name for name in ("cursor", "page", "page_size", "search") if name not in declared]
    for value in VALUES:
        queries = [f"{name}={value}" for name in [*declared, "format"]]
        for query in [*queries, "&".join(f"{name}={value}" for name in others)]:
            answer = caller.send("GET", f"{operation.url()}?{query}")
            assert answer.status_code in {200, 400, 403, 404}, query[:80]
    for query in ("&&&=", "=%00", "a=b&" * 1500, "%", "?" * 50):
        answer = caller.send("GET", f"{operation.url()}?{query}")
        assert answer.status_code in {200, 400, 403, 404}, query[:20]


@each("operation", OPERATIONS, ids=str)
def test_json_is_served_whatever_is_asked_for(operation: Operation, caller: Caller):
    for accept in (
        "text/html",
        "application/xml",
        "image/*",
        "nonsense",
        "*/*;q=x",
        "",
        " ",
        ";",
        "application/json;q=0",
        "application/json;version=2",
        "a" * 9000,
    ):
        answer = caller.send(operation.method, operation.url(), b"{}", headers={"Accept": accept})
        assert answer.status_code != 406, accept


HEADERS = {
    "X-Queue-Token": ["", "x", "a.b.c", "é" * 30, "x" * 20_000, "null", ". . ."],
    "Idempotency-Key": ["", "short", "é" * 12, "x" * 256, '"unfinished', "tab\tinside", '""'],
    "Accept-Language": ["", "xx", "*", "ko;q=9", "a" * 5000, "é", "../../", "en-" * 500],
    "If-None-Match": ["", "*", '"', 'W/"', "é", '"a", ' * 2000],
    "If-Modified-Since": ["yesterday", "é", "Thu, 01 Jan 0000 00:00:00 GMT"],
    "Range": ["bytes=0-", "bytes=9-1", "é"],
    "Cookie": ["sessionid=x", "csrftoken=" + "a" * 9000, "é=é", ";;;=;"],
    "traceparent": ["x", "00-0-0-0", "é", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"],
    "X-Forwarded-For": ["", "x", "1.2.3.4, " * 500, "é", "::1%eth0"],
    "X-HTTP-Method-Override": ["DELETE", "BREW"],
    "Content-Encoding": ["gzip", "x"],
    "Expect": ["100-continue", "x"],
    "Origin": ["null", "http://evil.example", "é"],
}


@each("operation", OPERATIONS, ids=str)
def test_no_header_breaks_anything(operation: Operation, caller: Caller):
    for name, values in HEADERS.items():
        for value in values:
            answer = caller.send(operation.method, operation.url(), b"{}", headers={name: value})
            assert answer.status_code < 500, (name, value[:50])


@each("host", ["evil.example", "a b", "", "[::1", "localhost@evil.example"])
def test_a_foreign_host_is_refused(host: str, caller: Caller):
    answer = caller.send("GET", ADDRESS, headers={"Host": host})
    assert code_of(answer) == (400, "malformed_request")


@each(
    "given",
    [
        "short",
        "x" * 129,
        "a b c d e f",
        "ab\r\nSet-Cookie: a=b",
        "가나다라마바사아",
        "<script>x</script>",
    ],
)
def test_a_request_id_that_is_not_sane_is_replaced(given: str, caller: Caller):
    answer = caller.send("GET", ADDRESS, headers={"X-Request-ID": given})
    assert answer.status_code == 200
    assert re.fullmatch(r"[A-Za-z0-9._:\-]{8,128}", answer.headers["X-Request-ID"])
    assert answer.headers["X-Request-ID"] != given
    assert "Set-Cookie" not in answer.headers


def test_a_sane_request_id_comes_back(caller: Caller):
    given = "client-1.2:3_4"
    answer = caller.send("GET", ADDRESS, headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given


def test_answers_to_a_caller_are_kept_by_no_cache(caller: Caller):
    for operation in OPERATIONS:
        answer = caller.send(operation.method, operation.url(), b"{}")
        assert answer.headers["Cache-Control"] == "private, no-store", str(operation)
