"""nginx before an API: what it adds, keeps and passes on."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stack.gateway import server

ROOT = Path(__file__).parents[2]


def test_a_request_id_is_made_passed_on_and_returned(client, api):
    answer = client.get("/api/v1/concerts/")
    assert answer.headers.get_list("x-request-id") == [api.seen[0]["x-request-id"]]
    assert len(api.seen[0]["x-request-id"]) == 32


def test_a_sane_request_id_of_the_caller_is_kept(client, api):
    answer = client.get("/", headers={"X-Request-ID": "my-request:1"})
    assert answer.headers["x-request-id"] == api.seen[0]["x-request-id"] == "my-request:1"


@pytest.mark.parametrize("value", ["short", "x" * 129, "with space", 'quote"quote', "a;b;c;d;e"])
def test_nonsense_is_no_request_id(client, api, value):
    client.get("/", headers={"X-Request-ID": value})
    assert api.seen[0]["x-request-id"] != value


def test_the_public_status_is_fetched_once_a_second_for_all(client, api, public):
    api.delay = 0.05
    headers = [{}, {"Authorization": "Bearer a"}, {"Authorization": "Bearer b", "Cookie": "c=d"}]
    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(client.get, public, headers=headers[i % 3]) for i in range(60)]
        bodies = {answer.result().content for answer in asked}
    assert bodies == {b'{"number": 1}'}
    assert len(api.seen) == 1
    assert "authorization" not in api.seen[0]
    assert "cookie" not in api.seen[0]


def test_a_kept_answer_carries_the_callers_own_request_id(client, public):
    first = client.get(public, headers={"X-Request-ID": "caller-one"})
    second = client.get(public, headers={"X-Request-ID": "caller-two"})
    assert first.content == second.content
    assert second.headers.get_list("x-request-id") == ["caller-two"]


SPELLINGS = [f"en-US,en;q=0.{number},xx-{number}" for number in range(10)]


def test_no_spelling_of_the_language_asks_the_api_again(client, api, public):
    api.cache_control = "max-age=60"
    for accepted in ["", *SPELLINGS, *(f"ko;q=0.{number}" for number in range(10)), "x," * 5000]:
        answer = client.get(public, headers={"Accept-Language": accepted})
        assert answer.headers["vary"].startswith("Accept-Language")
    assert sorted(seen["accept-language"] for seen in api.seen) == ["en", "ko"]


def test_no_parameter_asks_for_the_public_status_again(client, api, public):
    for number in range(5):
        client.get(public, params={"n": number})
    assert len(api.seen) == 1


def test_the_public_status_is_asked_for_in_one_spelling_whatever_a_caller_writes(
    client, api, public
):
    api.cache_control = "max-age=60"
    spellings = ("?format=xml", "?", "?a=b&c")
    for spelling in (*(public + more for more in spellings), public.replace("/v1/", "/v1//")):
        assert client.get(spelling).json() == {"number": 1}
    assert [seen[":path"] for seen in api.seen] == [public]


def test_where_parameters_count_they_are_passed_on(client, api, public):
    client.get(public.replace("/queue/", "/seatmap/") + "?a=%20b")
    client.post(public + "?a=b")
    assert [seen[":path"] for seen in api.seen] == [
        public.replace("/queue/", "/seatmap/") + "?a=%20b",
        public + "?a=b",
    ]


@pytest.mark.control
def test_control_passed_on_as_it_came_one_spelling_is_kept_for_all(template, another, public):
    template("proxy_pass http://$fastpath_servers$asked;", "proxy_pass http://$fastpath_servers;")
    api, client = another()
    client.get(public + "?format=xml")
    client.get(public)
    assert [seen[":path"] for seen in api.seen] == [public + "?format=xml"]


def test_a_private_answer_is_never_kept(client, api, public):
    api.cache_control = "private, max-age=60"
    assert client.get(public).content != client.get(public).content
    assert len(api.seen) == 2


def test_joining_goes_through_with_its_login(client, api, public):
    client.get(public)
    answer = client.post(public, headers={"Authorization": "Bearer a"})
    assert answer.json() == {"number": 2}
    assert api.seen[1]["authorization"] == "Bearer a"


def test_a_fans_own_place_is_never_kept(client, api, public):
    mine = public + "me/"
    client.get(mine, headers={"Authorization": "Bearer a"})
    client.get(mine, headers={"Authorization": "Bearer b"})
    assert [seen["authorization"] for seen in api.seen] == ["Bearer a", "Bearer b"]


@pytest.mark.parametrize(
    ("accepted", "passed_on"),
    [
        (None, "ko"), ("", "ko"), ("*", "ko"), ("ko", "ko"), ("en", "en"), ("EN-gb", "en"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko"), ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "en"), ("den, french", "ko"),
    ],
)  # fmt: skip
def test_the_language_named_first_is_passed_on(client, api, public, accepted, passed_on):
    headers = {} if accepted is None else {"Accept-Language": accepted}
    client.get(public, headers=headers)
    assert api.seen[0]["accept-language"] == passed_on


def test_elsewhere_the_language_is_passed_on_as_it_came(client, api, public):
    client.get("/api/v1/concerts/", headers={"Accept-Language": SPELLINGS[3]})
    client.post(public, headers={"Accept-Language": SPELLINGS[4]})
    assert [seen["accept-language"] for seen in api.seen] == SPELLINGS[3:5]


@pytest.mark.control
def test_control_where_vary_is_believed_each_spelling_asks_the_api(template, another, public):
    believing = "proxy_ignore_headers X-Accel-Expires"
    template("proxy_ignore_headers Vary X-Accel-Expires", believing, places=2)
    api, client = another()
    api.cache_control = "max-age=60"
    for accepted in SPELLINGS:
        client.get(public, headers={"Accept-Language": accepted})
    assert len(api.seen) == len(SPELLINGS)


def passed_on() -> set[str]:
    """Return the names of callers' headers that reach the API as they came."""
    template = server.TEMPLATE.read_text()
    found = re.findall(r"proxy_set_header ([\w-]+) \$(?:http|forwarded)_", template)
    return {name.lower() for name in found} - {"host", "x-forwarded-proto"}


def test_what_the_api_reads_is_passed_on(client, api):
    headers = {name: f"value-of-{name}" for name in passed_on()}
    headers["traceparent"] = f"00-{'1' * 32}-{'2' * 16}-01"  # another is none, and replaced
    client.get("/api/v1/reservations/", headers=headers)
    assert {name: api.seen[0].get(name) for name in headers} == headers


@pytest.mark.parametrize(
    "name",
    [
        "X-Forwarded-Host", "Forwarded", "X-Real-IP", "X-Original-URL", "X-HTTP-Method-Override",
        "Range", "Expect", "Proxy", "X-Anything", "X-Queue-Line",
    ],
)  # fmt: skip
def test_what_the_api_does_not_read_is_not_passed_on(client, api, name):
    client.get("/api/v1/reservations/", headers={name: "value"})
    assert name.lower() not in api.seen[0]


def test_every_header_that_the_code_reads_is_passed_on():
    """What is missing here is missing at the API: the gateway drops what it doesn't know."""
    read, of_answers = set(), {"X-Content-Type-Options", "X-Frame-Options", "X-Robots-Tag"}
    packages = {path.parent for path in ROOT.glob("*/__init__.py")}
    for path in (file for package in packages for file in package.rglob("*.py")):
        if path.is_relative_to(ROOT / "tests") or path.is_relative_to(ROOT / "stack"):
            continue
        text = path.read_text()
        read |= {name.replace("_", "-") for name in re.findall(r'"HTTP_([A-Z0-9_]+)"', text)}
        read |= set(re.findall(r'request\.headers(?:\.get\(|\[)"([\w-]+)"', text))
        read |= set(re.findall(r'"([\w-]+)" in request\.headers', text))
        read |= set(re.findall(r'\bheaders\.get\("(webhook-[\w-]+)"', text))
        read |= set(re.findall(r'"(X-[\w-]+)"', text)) - of_answers  # by a name of its own
    of_the_gateway = {
        "host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id",
        "transfer-encoding", "expect", "connection", "x-accel-redirect", "x-request-start",
    }  # fmt: skip
    assert len(read) > 8
    assert {name.lower() for name in read} - of_the_gateway <= passed_on()


def test_every_header_passed_on_is_looked_at_first():
    """An odd byte in one of them would make the API's server hang up without a word."""
    looked_at = re.search(r'map "([^"]+)" \$unreadable_header', server.TEMPLATE.read_text())
    names = looked_at[1].removeprefix("$http_").split("$http_")
    assert {name.replace("_", "-") for name in names} == passed_on() | {"host"}


def test_what_is_for_everybody_is_asked_for_without_anything_of_a_callers_own(client, api, public):
    mine = {
        "Authorization": "Bearer a",
        "Cookie": "a=b",
        "Accept-Encoding": "gzip",
        "If-None-Match": '"a"',
        "If-Modified-Since": "Mon, 01 Jan 2024 00:00:00 GMT",
    }
    client.get(public, headers=mine)
    assert not {name.lower() for name in mine} & api.seen[0].keys()


def test_the_access_log_is_json(client):
    client.get('/a"b/', headers={"X-Request-ID": "request-logged", "User-Agent": 'q"uote'})
    entry = client.access_line("request-logged")
    assert entry["path"] == '/a"b/'
    assert entry["status"] == 200


def test_the_access_log_says_what_was_asked_for_where_the_gateway_answered(client):
    answer = client.request("TRACE", "/api/v1/concerts/?secret=1")
    entry = client.access_line(answer.headers["X-Request-ID"])
    assert (entry["path"], entry["status"]) == ("/api/v1/concerts/", 405)
    assert entry["upstream_status"] == ""
