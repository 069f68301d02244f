"""What the gateway refuses itself: a problem document, or a page at a page's address."""

import re
import socket
from pathlib import Path

import pytest

from stack.gateway import server
from stack.service import HOST
from tests.stack.entry import Entry

ROOT = Path(__file__).parents[2]
PROBLEM = "application/problem+json"
LINE = b"Host: 127.0.0.1\r\nConnection: close\r\n"


def wire(client: Entry, request: bytes) -> tuple[bytes, bytes]:
    """Return head and body of what comes back for bytes that no client library sends."""
    with socket.create_connection((HOST, client.port), 10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


def get(target: bytes = b"/", *headers: bytes) -> bytes:
    """Return a request of the API; `target` is what follows its root."""
    lines = [b"GET /api" + target + b" HTTP/1.1", b"Host: a", b"Connection: close", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def test_a_body_over_the_limit_is_a_problem_document(client, api):
    answer = client.post("/api/v1/reservations/", content=b"x" * (1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "body_too_large"
    assert api.seen == []


def test_a_body_at_the_limit_goes_through(client):
    assert client.post("/api/v1/reservations/", content=b"x" * 1024 * 1024).status_code == 200


def test_with_the_api_away_the_answer_is_a_problem_document(another):
    api, client = another()
    api.shutdown()
    api.server_close()
    answer = client.get("/api/v1/concerts/")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "unavailable"
    assert answer.headers["x-request-id"]


def test_the_apis_own_refusal_is_left_alone(client, api):
    api.status = 503
    answer = client.get("/api/v1/concerts/")
    assert answer.status_code == 503
    assert answer.headers.get_list("retry-after") == ["7"]
    assert answer.json() == {"number": 1}


def test_a_header_too_large_is_a_problem_document(client):
    answer = client.get("/api/", headers={"X-Large": "x" * 20000})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


UNREADABLE = {
    "NUL in a header": get(b"/", b"Accept: a\0b"),
    "control byte in a header": get(b"/", b"Accept: a\x01b"),
    "control byte in a token": get(b"/", b"X-Queue-Token: \x7f"),
    "control byte in the login": get(b"/", b"Authorization: \x1b[0m"),
    "control byte in the agent": get(b"/", b"User-Agent: \x08"),
    "carriage return in a header": get(b"/", b"Accept: a\rb"),
    "space in a name": get(b"/", b"X A: b"),
    "folded header": get(b"/", b"Accept: a\r\n  b"),
    "thousands of headers": get(b"/", *(b"X-%d: %s" % (n, b"x" * 40) for n in range(2000))),
    "two hosts": get(b"/", b"Host: b"),
    "letters in the address": get(b"/\xea\xb0\x80"),
    "letters in the query": get(b"/?search=\xea\xb0\x80"),
    "control byte in the address": get(b"/\x01"),
    "angle in the address": get(b"/<a>"),
    "quote in the query": get(b'/?a="b"'),
    "odd method": b"g\x7ft / HTTP/1.1\r\nHost: a\r\n\r\n",
    "empty host": b"GET /api/ HTTP/1.1\r\nHost: \r\n\r\n",
    "TLS": bytes.fromhex("160301020001000100"),
}


@pytest.mark.parametrize("request_bytes", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_a_problem_document(client, api, request_bytes):
    head, body = wire(client, request_bytes)
    assert head.startswith(b"HTTP/1.1 400 "), head
    assert PROBLEM.encode() in head
    assert b'"code":"malformed_request"' in body
    assert api.seen == []


@pytest.mark.parametrize(
    ("target", "headers", "language"),
    [
        (b"/en/", b"Accept: a\0b", b"en"),
        (b"/ko/concerts/", b"User-Agent: \x08", b"ko"),
        (b"/nowhere/<a>", b"Accept-Language: en", b"en"),
    ],
)
def test_at_a_pages_address_it_is_a_page(client, api, target, headers, language):
    lines = (b"GET " + target + b" HTTP/1.1", b"Host: a", b"Connection: close", headers, b"", b"")
    head, body = wire(client, b"\r\n".join(lines))
    assert head.startswith(b"HTTP/1.1 400 "), head
    assert b"text/html; charset=utf-8" in head
    assert b"Cache-Control: private, no-store" in head
    assert b'<html lang="%s">' % language in body
    assert api.seen == []


def test_letters_in_headers_are_taken_as_clients_send_them(client, api):
    head, _ = wire(client, get(b"/", "User-Agent: 가".encode()))
    assert head.startswith(b"HTTP/1.1 200 ")
    assert len(api.seen) == 1


def test_headers_nobody_reads_disturb_nobody(client, api):
    head, _ = wire(client, get(b"/", *(b"X-%d: a\x01" % number for number in range(150))))
    assert head.startswith(b"HTTP/1.1 200 ")
    assert len(api.seen) == 1


@pytest.mark.control
def test_control_a_gateway_that_looks_at_no_header_hands_odd_bytes_on(template, another):
    template(r'"~[\x00-\x08\x0a-\x1f\x7f]" 1;', "")
    api, client = another()
    wire(client, UNREADABLE["control byte in a header"])
    assert len(api.seen) == 1


@pytest.mark.parametrize("target", ["/api/", "/api/v1/concerts/", "/api/v1/performances/1/queue/"])
def test_a_method_never_taken_is_answered_with_those_that_are(client, api, target):
    answer = client.request("TRACE", target)
    assert answer.status_code == 405
    assert {"GET", "POST", "DELETE"} <= set(answer.headers["allow"].split(", "))
    assert answer.json()["code"] == "method_not_allowed"
    assert api.seen == []


def test_static_files_are_only_read(client):
    files = client.home / "static"
    files.mkdir(mode=0o755, exist_ok=True)
    (files / "a.css").write_text("a {}")
    (files / "a.css").chmod(0o644)
    answer = client.post("/static/a.css")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert answer.headers["content-type"] == PROBLEM
    assert client.get("/static/a.css", headers={"Range": "bytes=90-"}).text == "a {}"
    changed = client.get("/static/a.css", headers={"If-Match": '"other"'})
    assert (changed.status_code, changed.headers["content-type"]) == (412, PROBLEM)


def test_the_apis_own_405_keeps_its_allow(client, api):
    api.status = 405
    assert client.get("/api/v1/reservations/").headers.get_list("allow") == ["GET"]


def test_the_door_s_documents_are_refused_as_documents_and_its_pages_as_pages(client):
    document = client.request("TRACE", "/door/performances/0192aaaa/scans/")
    assert (document.status_code, document.headers["content-type"]) == (405, PROBLEM)
    page = client.request("TRACE", "/ko/door/0192aaaa/")
    assert page.headers["content-type"].startswith("text/html")


def test_a_reader_s_webassembly_may_be_compiled_while_it_arrives(client):
    files = client.home / "static"
    files.mkdir(mode=0o755, exist_ok=True)
    (files / "reader.0123456789ab.wasm").write_bytes(b"\x00asm")
    (files / "reader.0123456789ab.wasm").chmod(0o644)
    answer = client.get("/static/reader.0123456789ab.wasm")
    assert answer.headers["content-type"] == "application/wasm"


@pytest.mark.parametrize(("language", "words"), [("ko", "허용되지 않은"), ("en", "not allowed")])
def test_a_refusal_speaks_the_callers_language(client, language, words):
    answer = client.request("TRACE", "/api/", headers={"Accept-Language": language})
    assert words in answer.json()["detail"]


def test_a_refusal_is_never_kept_and_leads_to_its_meaning(client):
    answer = client.request("TRACE", "/api/")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["type"] == "/docs/errors#method_not_allowed"


@pytest.mark.parametrize(
    ("layout", "refusal"),
    [
        ("/admin/concerts/performance/0192aaaa/layout/", PROBLEM),
        ("/ko/staff/performances/0192aaaa/layout/", "text/html; charset=utf-8"),
    ],
)
def test_only_the_upload_of_a_layout_may_be_large(client, layout, refusal):
    large = b"x" * (1024 * 1024 + 1)
    for address in ("/admin/login/", "/admin/concerts/performance/1/change/", "/api/v1/concerts/"):
        assert client.post(address, content=large).status_code == 413, address
    assert client.post(layout, content=large).status_code == 200
    too_large = client.post(layout, content=large * 33)
    assert (too_large.status_code, too_large.headers["content-type"]) == (413, refusal)


COUNTED = {
    "join": ("POST", "/api/v1/performances/0192aaaa/queue/"),
    "reserve": ("POST", "/api/v1/reservations/"),
    "pay": ("POST", "/api/v1/payments/"),
    "charge": ("POST", "/api/v1/points/charges/"),
    "login": ("POST", "/_allauth/app/v1/auth/login"),
    "staff login": ("POST", "/admin/login/"),
    "anything": ("GET", "/api/v1/concerts/"),
}


@pytest.fixture
def tight(template):
    """Let every limit pass three at once and then one a minute; the general one thirty."""
    text = server.TEMPLATE.read_text()
    text = re.sub(r"rate=(\d+|\$\{[A-Z_]+\})r/s", "rate=1r/m", text)
    text = re.sub(r"zone=general burst=\d+", "zone=general burst=29", text)
    text = re.sub(r"(zone=(?!general)\w+) burst=\$\{[A-Z_]+\}0", r"\1 burst=2", text)
    template(server.TEMPLATE.read_text(), text)


def test_a_flood_is_refused_before_it_reaches_the_api(tight, another):
    api, client = another(limits=True, trusted_proxies=(f"{HOST}/32",))
    for number, (name, (method, path)) in enumerate(COUNTED.items()):
        allowed, before = (30 if name == "anything" else 3), len(api.seen)
        fan = {"X-Forwarded-For": f"192.0.2.{number}"}
        answers = [client.request(method, path, headers=fan) for _ in range(allowed + 1)]
        assert [answer.status_code for answer in answers] == [200] * allowed + [429], name
        assert len(api.seen) - before == allowed, name
        assert answers[-1].headers["content-type"] == PROBLEM
        assert answers[-1].headers["retry-after"] == "1"
        assert answers[-1].json()["code"] == "rate_limited"
    for path in ("/healthz/live", "/static/none.css", "/api/v1/performances/1/queue/"):
        assert client.get(path, headers=fan).status_code == 200, path  # never counted
    assert (client.folder / "gateway.log").read_text() == ""


@pytest.mark.parametrize("name", ["join", "reserve", "pay", "login"])
def test_how_many_may_come_is_said_from_outside(another, name):
    """So many a second, and ten times as many at once; here it refills one while they come."""
    word = f"{name.upper()}_RATE"
    api, client = another(limits=True, rates={word: 1})
    method, path = COUNTED[name]
    statuses = [client.request(method, path).status_code for _ in range(60)]
    assert statuses[:11] == [200] * 11
    assert 429 in statuses
    assert len(api.seen) == statuses.count(200)


def test_a_page_goes_on_by_itself_only_where_it_was_asked_for(tight, another):
    _, client = another(limits=True, trusted_proxies=(f"{HOST}/32",))
    for _ in range(30):
        client.get("/en/nowhere/")
    asked, sent = client.get("/en/me/"), client.post("/en/me/points/")
    assert [asked.status_code, sent.status_code] == [429, 429]
    assert asked.headers["refresh"] == "5"
    assert "tries again by itself" in asked.text
    assert "refresh" not in sent.headers
    assert "go back and send it again" in sent.text


def test_each_caller_has_a_limit_of_his_own(tight, another):
    _, client = another(limits=True, trusted_proxies=(f"{HOST}/32",))

    def post(ip: str) -> int:
        headers = {"X-Forwarded-For": ip}
        return client.post("/api/v1/reservations/", headers=headers).status_code

    assert [post("192.0.2.1") for _ in range(4)] == [200, 200, 200, 429]
    assert post("192.0.2.2") == 200
    # A /64 is one caller, whatever stands after it.
    assert [post(f"2001:db8:1:2::{number}") for number in range(4)] == [200, 200, 200, 429]
    assert post("2001:db8:1:3::1") == 200


def test_without_limits_load_from_one_machine_passes(tight, client):
    assert {client.post("/api/v1/reservations/").status_code for _ in range(10)} == {200}


def test_the_apis_own_429_keeps_its_retry_after(client, api):
    api.status = 429
    assert client.get("/api/v1/concerts/").headers.get_list("retry-after") == ["7"]


def test_the_limits_let_a_whole_network_reach_the_api():
    """The smallest lies above 6,000 a minute, what the API lets one client IP join and hold."""
    text = server.TEMPLATE.read_text()
    for word, rate in server.RATES.items():
        text = text.replace(f"${{{word}}}", str(rate))
    rates = dict(re.findall(r"zone=(\w+):\d+m rate=(\d+)r/s", text))
    bursts = dict(re.findall(r"zone=(\w+) burst=(\d+) nodelay", text))
    assert rates.keys() == bursts.keys() == {"join", "reserve", "pay", "login", "general"}
    assert all(int(rates[zone]) >= 100 for zone in ("join", "reserve", "general"))
    assert all(
        int(bursts[zone]) >= 10 * int(rate) for zone, rate in rates.items() if zone != "general"
    )


def test_every_code_of_the_gateway_is_documented():
    documented = (ROOT / "docs" / "errors.md").read_text()
    text = server.TEMPLATE.read_text()
    table = text[text.index("map $status $problem_code") :]
    table = table[: table.index("}")]
    codes = set(re.findall(r"^        (?:default|\d{3}) ([a-z_]+);$", table, re.MULTILINE))
    assert {"gateway_error", "rate_limited"} <= codes
    assert [code for code in codes if f"`{code}`" not in documented] == []
    spoken = re.findall(r'"(ko|en) ([a-z_]+)" "', text)
    codes |= {"not_authenticated", "token_invalid"}  # Note [Logins at the gateway]
    assert {code for language, code in spoken if language == "en"} == codes
    assert {code for language, code in spoken if language == "ko"} | {"gateway_error"} == codes
