"""What makes the door an app of a device: its manifest and its service worker, for everybody."""

import json

import pytest
from django.test import RequestFactory
from django.utils import translation

from boxoffice.door import installed


@pytest.mark.parametrize(
    ("language", "name"), [("ko", "Frontrow 입장 확인"), ("en", "Frontrow Door")]
)
def test_the_manifest_opens_the_door_in_the_language_of_its_address(language, name):
    address = f"/{language}/door/manifest.webmanifest"
    with translation.override(language):
        response = installed.manifest(RequestFactory().get(address))
    assert response.headers["Content-Type"] == "application/manifest+json"
    found = json.loads(response.content)
    assert (found["name"], found["lang"], found["display"]) == (name, language, "standalone")
    assert found["start_url"] == found["scope"] == f"/{language}/door/"
    assert [(one["sizes"], one["type"]) for one in found["icons"]] == [("any", "image/svg+xml")]


def test_the_keeper_may_speak_to_us_alone_and_is_replaced_at_once():
    request = RequestFactory().get("/en/door/keeper.js")
    response = installed.keeper(request)
    assert response.headers["Content-Type"].startswith("text/javascript")
    assert response.headers["Cache-Control"] == "no-cache"
    policy = response.headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; connect-src 'self'"
    assert "Service-Worker-Allowed" not in response.headers
    again = RequestFactory().get("/en/door/keeper.js", headers={"if-none-match": response["ETag"]})
    assert installed.keeper(again).status_code == 304
    assert installed.keeper(RequestFactory().post("/en/door/keeper.js")).status_code == 405
