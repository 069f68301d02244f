"""What the gateway says in place of the API is what the API says (Note [Logins at the gateway])."""

import re
from pathlib import Path

import pytest
from rest_framework.test import APIClient

from kernel.ids import uuid7

TEMPLATE = Path(__file__).parents[2] / "stack" / "gateway" / "nginx.conf.template"


def at_the_gateway(code: str, language: str, path: str) -> bytes:
    """Return the document that the template has for a refused login."""
    text = TEMPLATE.read_text()
    [place] = re.findall(r"location = /\.login \{.*?return 200 '(.*?)';", text, re.DOTALL)
    details = text.partition("$login_detail {")[2].partition("}")[0]
    [detail] = re.findall(rf'"{language} {code}" "(.*?)";', details)
    words = {"login_refusal": code, "login_detail": detail, "requested_path": path}
    return re.sub(r"\$([a-z_]+)", lambda found: words[found[1]], place).encode()


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "not_authenticated"),
        ("", "not_authenticated"),
        *[(f"Bearer{one}", "token_invalid") for one in ("", " abc", " a.b", " a.b.c d")],
    ],
)
@pytest.mark.parametrize("place", ["queue", "reservations", "payments", "a hold"])
def test_a_refused_login_reads_the_same_from_the_api(language, authorization, code, place):
    path = {
        "queue": f"/api/v1/performances/{uuid7()}/queue/",
        "a hold": f"/api/v1/reservations/{uuid7()}/",
    }.get(place, f"/api/v1/{place}/")
    headers = {"Accept-Language": language}
    if authorization is not None:
        headers["Authorization"] = authorization
    client = APIClient()
    send = client.delete if place == "a hold" else client.post
    answer = send(path, {}, format="json", headers=headers)
    assert answer.status_code == 401
    assert answer.content == at_the_gateway(code, language, path)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == 'Bearer realm="frontrow"'
