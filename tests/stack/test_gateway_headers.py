"""What browsers are bound to by every answer of the gateway: its own, the API's, and its files."""

import re
from pathlib import Path

import pytest

from stack.service import HOST

POLICY = "content-security-policy"
SECURITY = "strict-transport-security"
YEAR = "max-age=31536000; includeSubDomains"
BY_HTTPS = {"X-Forwarded-Proto": "https"}
HASHED = f"static/site.{'c3' * 6}.js"
PICTURE = f"media/posters/{'c3' * 16}-320.webp"


@pytest.fixture(scope="module")
def behind(another_for_all):
    """A gateway behind a hop that ends TLS, and files for it."""
    api, client = another_for_all(trusted_proxies=(f"{HOST}/32",))
    for name in (HASHED, PICTURE):
        file = client.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        for folder in file.relative_to(client.home).parents:
            (client.home / folder).chmod(0o755)
        file.write_bytes(b"1")
        file.chmod(0o644)
    return api, client


@pytest.fixture
def ask(behind):
    api, client = behind
    api.forget()
    return lambda method, path: client.request(method, path, headers=BY_HTTPS)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        pytest.param("GET /api/v1/concerts/", 200, id="API"),
        pytest.param("GET /api/v1/performances/0198/queue/me/", 200, id="service"),
        pytest.param("TRACE /api/v1/concerts/", 405, id="refused by a document"),
        pytest.param("TRACE /ko/", 405, id="refused by a page"),
        pytest.param(f"GET /{HASHED}", 200, id="file"),
        pytest.param(f"GET /{PICTURE}", 200, id="picture"),
        pytest.param("GET /media/a.html", 404, id="none"),
    ],
)
def test_every_answer_is_bound(ask, asked: str, status: int):
    answer = ask(*asked.split())
    assert answer.status_code == status
    assert answer.headers.get_list(SECURITY) == [YEAR]
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    (policy,) = answer.headers.get_list(POLICY)
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "object-src 'none'" in policy or "default-src 'none'" in policy


def test_what_the_api_says_itself_is_said_once(behind, ask):
    api, _ = behind
    own = {
        "Strict-Transport-Security": "max-age=7",
        "Content-Security-Policy": "default-src 'self'",
        "X-Content-Type-Options": "nosniff",
    }
    api.more_headers = own
    answer = ask("GET", "/ko/me/")
    assert {name: answer.headers.get_list(name) for name in own} == {
        name: [value] for name, value in own.items()
    }


def test_in_clear_nobody_is_bound_to_https(client):
    assert SECURITY not in client.get("/api/v1/concerts/").headers


def test_no_place_of_the_template_forgets_them():
    """nginx drops the headers of the server where a place adds one of its own."""
    template = Path(__file__).parents[2] / "stack" / "gateway" / "nginx.conf.template"
    place = re.compile(r"^ {8}location (.+?) \{\n(.*?)^ {8}\}", re.MULTILINE | re.DOTALL)
    places = place.findall(template.read_text())
    adding = {name: block for name, block in places if "add_header" in block}
    assert len(adding) > 6
    wanted = ("Strict-Transport-Security", "Content-Security-Policy", "X-Content-Type-Options")
    lacking = [(n, w) for n, b in adding.items() for w in wanted if f"add_header {w} " not in b]
    assert lacking == []
