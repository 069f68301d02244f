"""The files that the gateway serves itself: packed ones as they fit, pictures for ever."""

import gzip

import brotli
import pytest

from tests.stack.entry import Entry

PROBLEM = "application/problem+json"
SCRIPT = b"export const answer = 42;" * 100
NAME = f"static/site.{'a1' * 6}.js"


def put(client: Entry, name: str, content: bytes) -> None:
    """Put a file where the gateway finds it, readable by its user."""
    file = client.home / name
    file.parent.mkdir(parents=True, exist_ok=True)
    for folder in file.relative_to(client.home).parents:
        if str(folder) != ".":
            (client.home / folder).chmod(0o755)
    file.write_bytes(content)
    file.chmod(0o644)


@pytest.fixture
def packed(client: Entry) -> Entry:
    for name in (NAME, NAME.replace(".js", ".css")):
        put(client, name, SCRIPT)
        put(client, f"{name}.gz", gzip.compress(SCRIPT))
        put(client, f"{name}.br", brotli.compress(SCRIPT))
    return client


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("br", "br"),
        ("BR;q=0.5, gzip", "br"),
        ("gzip, br;q=0", "gzip"),
        ("gzip, br;q=0.0, deflate", "gzip"),
        ("gzip, deflate", "gzip"),
        ("gzip, brr", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("kind", ["js", "css"])
def test_a_packed_copy_goes_to_who_takes_it(packed, api, accepted: str, coding, kind: str):
    address = "/" + NAME.replace(".js", f".{kind}")
    with packed.stream("GET", address, headers={"Accept-Encoding": accepted}) as answer:
        assert answer.headers.get("content-encoding") == coding
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers.get_list("content-type") == [
            {"js": "text/javascript", "css": "text/css"}[kind]
        ]
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        raw = b"".join(answer.iter_raw())
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding]
    assert unpack(raw) == SCRIPT
    assert api.seen == []


def test_a_file_without_a_packed_copy_goes_as_it_is(client, api):
    name = f"static/tiny.{'b2' * 6}.js"
    put(client, name, b"1")
    answer = client.get(f"/{name}", headers={"Accept-Encoding": "br, gzip"})
    assert (answer.content, answer.headers.get("content-encoding")) == (b"1", None)
    assert api.seen == []


def test_the_place_of_packed_copies_has_no_address(packed):
    answer = packed.get(f"/.packed/js/site.{'a1' * 6}.js", headers={"Accept-Encoding": "br"})
    assert answer.status_code == 404


def test_the_access_line_has_the_address_that_was_asked_for(packed):
    answer = packed.get(f"/{NAME}", headers={"Accept-Encoding": "br"})
    assert packed.access_line(answer.headers["x-request-id"])["path"] == f"/{NAME}"


PICTURE = f"posters/{'a1' * 16}-320.webp"


def test_pictures_are_kept_for_ever_and_never_run(client, api):
    put(client, f"media/{PICTURE}", b"RIFF....WEBP")
    answer = client.get(f"/media/{PICTURE}")
    assert (answer.status_code, answer.content) == (200, b"RIFF....WEBP")
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers
    assert client.post(f"/media/{PICTURE}").headers["allow"] == "GET, HEAD"
    assert api.seen == []


def test_a_picture_that_is_not_in_the_folder_is_asked_for(client, api):
    assert client.get(f"/media/posters/{'0' * 32}-320.webp").status_code == 200
    assert [one[":path"] for one in api.seen] == [f"/media/posters/{'0' * 32}-320.webp"]


@pytest.mark.parametrize("name", ["a.html", "posters/", "posters/a.svg", "posters/..%2fa", ""])
def test_no_other_name_leads_to_media(client, api, name):
    answer = client.get(f"/media/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    assert api.seen == []


def test_a_poster_has_room_on_its_own_page_alone(client, api):
    body = b"x" * 10_500_000
    page = "/admin/concerts/concert/0198/poster/"
    assert client.post(page, content=body).status_code == 200
    assert client.post("/admin/concerts/concert/0198/change/", content=body).status_code == 413
