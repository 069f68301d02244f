"""Staff give a concert its poster; fans see it, and nothing from elsewhere."""

import json
import re
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from concerts import policy, poster_files
from concerts.models import Concert, Poster
from concerts.usecases import posters
from kernel import clock
from kernel.http.body_limits import limit_of
from tests.integration.test_layout_admin import logged_in
from tests.support import catalogue, factories
from tests.support.pictures import picture, png_that_claims

ELSEWHERE = "https://elsewhere.example/poster.jpg"


@pytest.fixture
def staff(db_ready) -> Client:
    catalogue.forget_documents()
    return logged_in("staff")


@pytest.fixture
def concert(db_ready) -> Concert:
    return factories.make_performance(seats=2).concert


def page_of(concert: Concert) -> str:
    return reverse("admin:concerts_concert_poster", args=[concert.pk])


def upload(client: Client, concert: Concert, content: bytes, name: str = "poster.jpg"):
    return client.post(page_of(concert), {"file": SimpleUploadedFile(name, content)})


def put(concert: Concert, width: int = 400, now=None) -> Poster:
    files = poster_files.draw_again(picture(width, 500))
    posters.put(
        concert_id=concert.pk, files=files, actor_id=None, reason="", now=now or clock.now()
    )
    concert.refresh_from_db()
    return concert.poster


def test_an_uploaded_poster_is_stored_audited_and_shown(staff, concert, client):
    answer = upload(staff, concert, picture())
    assert answer.status_code == 302
    poster = Poster.objects.get()
    assert (poster.width, poster.height, poster.widths) == (1280, 1810, [320, 640, 1280])
    assert all(default_storage.exists(name) for name in poster.names())
    entry = AuditEntry.objects.get(action="concerts.set_poster")
    assert entry.changes == {"poster": {"from": None, "to": poster.digest}}
    assert entry.actor_id is not None
    change = reverse("admin:concerts_concert_change", args=[concert.pk])
    assert poster.name_of(320) in staff.get(change).text
    assert poster.name_of(320) in staff.get(page_of(concert)).text
    upload(staff, concert, picture())
    assert AuditEntry.objects.filter(action="concerts.set_poster").count() == 1


def test_the_api_names_every_file_of_a_poster(concert, api, settings):
    poster = put(concert)
    for path in ("/api/v1/concerts/", f"/api/v1/concerts/{concert.pk}/"):
        body = api.get(path).json()
        shown = body["results"][0] if "results" in body else body
        start = f"{settings.FRONTROW_URL}/media/posters/{poster.digest}"
        assert shown["poster_url"] == f"{start}-400.webp"
        assert shown["poster"] == {
            "url": f"{start}-400.webp",
            "width": 400,
            "height": 500,
            "sources": [
                {"url": f"{start}-320.webp", "width": 320},
                {"url": f"{start}-400.webp", "width": 400},
            ],
        }


def test_pages_show_the_poster_by_addresses_of_their_own_origin(concert, client):
    poster = put(concert)
    own = f"/media/posters/{poster.digest}"
    for path in (f"/en/concerts/{concert.pk}/", f"/en/performances/{_first(concert)}/", "/en/"):
        page = client.get(path).text
        [image] = re.findall(r"<img [^>]+>", page)
        assert f'src="{own}-320.webp"' in image
        assert f'srcset="{own}-320.webp 320w, {own}-400.webp 400w"' in image
        assert 'width="400" height="500"' in image
        assert 'fetchpriority="high"' in image
        assert "sizes=" in image
    page = client.get(f"/ko/concerts/{concert.pk}/").text
    assert 'alt="가을밤 포스터"' in page
    assert re.search(rf'og:image" content="http[^"]+{own}-400.webp"', page)
    [events] = re.findall(r'ld\+json">(.+?)</script>', page)
    assert [event["image"] for event in json.loads(events)] == [
        [f"http://127.0.0.1:8000{own}-{width}.webp" for width in (320, 400)]
    ]


def test_only_the_first_poster_of_a_page_is_urgent(concert, client):
    put(concert)
    put(factories.make_performance(seats=2).concert)
    images = re.findall(r"<img [^>]+>", client.get("/en/").text)
    assert [("fetchpriority" in one, "lazy" in one) for one in images] == [
        (True, False),
        (False, True),
    ]


def test_a_picture_elsewhere_is_shown_to_nobody_but_staff(staff, concert, client, api):
    Concert.objects.update(poster_url=ELSEWHERE)
    for path in ("/en/", f"/en/concerts/{concert.pk}/", f"/ko/performances/{_first(concert)}/"):
        assert "elsewhere.example" not in client.get(path).text
    answer = api.get(f"/api/v1/concerts/{concert.pk}/").json()
    assert (answer["poster_url"], answer["poster"]) == (None, None)
    change = reverse("admin:concerts_concert_change", args=[concert.pk])
    for page in (change, page_of(concert)):
        assert ELSEWHERE in staff.get(page).text
    listed = staff.get(reverse("admin:concerts_concert_changelist"), {"poster_url__isempty": "0"})
    assert "가을밤" in listed.text


def test_media_of_an_origin_of_its_own_is_named_everywhere(concert, api, client, settings):
    settings.MEDIA_URL = "https://media.example/"
    poster = put(concert)
    start = f"https://media.example/posters/{poster.digest}"
    assert api.get(f"/api/v1/concerts/{concert.pk}/").json()["poster_url"] == f"{start}-400.webp"
    assert f'src="{start}-320.webp"' in client.get(f"/en/concerts/{concert.pk}/").text


def test_a_picture_that_can_not_be_a_poster_is_refused_beside_the_field(staff, concert):
    before = put(concert)
    for content, words in (
        (b"<svg><script>alert(1)</script></svg>", "JPEG, PNG, WebP 이미지가 아닙니다"),
        (png_that_claims(60_000, 60_000), "50메가픽셀보다 큽니다"),
        (picture(400, 500)[:-300], "손상되었거나"),
        (b"\xff\xd8\xff" * (policy.POSTER_BYTES // 3 + 1), "10MB보다 큽니다"),
    ):
        answer = upload(staff, concert, content)
        assert answer.status_code == 200
        assert words in answer.text
    concert.refresh_from_db()
    assert concert.poster == before
    assert staff.post(page_of(concert), {}).status_code == 200


def test_only_the_page_of_a_poster_takes_one(concert):
    assert policy.POSTER_BYTES < limit_of(page_of(concert)) < policy.POSTER_BYTES * 1.2
    assert limit_of(page_of(concert).replace("poster", "change")) < policy.POSTER_BYTES


def test_a_poster_is_removed(staff, concert, api):
    put(concert)
    assert staff.post(page_of(concert), {"remove": "1"}).status_code == 302
    assert api.get(f"/api/v1/concerts/{concert.pk}/").json()["poster"] is None
    actions = AuditEntry.objects.filter(action="concerts.set_poster")
    assert actions.count() == 2


@pytest.mark.parametrize("group", ["door", "finance", "integrator"])
def test_other_groups_change_no_poster(concert, group):
    assert upload(logged_in(group), concert, picture(400, 500)).status_code == 403
    assert not Poster.objects.exists()


def test_a_storage_that_takes_nothing_leaves_the_poster_as_it_was(
    staff, concert, settings, tmp_path
):
    before = put(concert)
    full = tmp_path / "full"
    full.write_text("a file where a folder should be")
    settings.MEDIA_ROOT = full
    answer = upload(staff, concert, picture(500, 600))
    assert "저장하지 못했습니다" in answer.text
    concert.refresh_from_db()
    assert concert.poster == before


def test_a_poster_that_nobody_has_goes_after_its_time(concert):
    now, kept = clock.now(), policy.POSTERS_KEPT
    old, new = put(concert), put(concert, 420)
    assert posters.delete_unused(now=now) == 0
    assert posters.delete_unused(now=now + kept - timedelta(seconds=1)) == 0
    assert default_storage.exists(old.name_of(400))
    assert posters.delete_unused(now=now + kept) == 1
    assert not any(default_storage.exists(name) for name in old.names())
    assert list(Poster.objects.all()) == [new]
    assert all(default_storage.exists(name) for name in new.names())


def test_a_poster_that_is_taken_up_again_stays(concert):
    now = clock.now()
    old = put(concert)
    put(concert, 420)
    posters.delete_unused(now=now)
    assert put(concert) == old
    assert posters.delete_unused(now=now + 2 * policy.POSTERS_KEPT) == 0
    assert default_storage.exists(old.name_of(400))


def test_concerts_with_the_same_picture_share_its_files(concert):
    other = factories.make_performance(seats=2).concert
    assert put(concert) == put(other)
    posters.remove(concert_id=concert.pk, actor_id=None, reason="", now=clock.now())
    assert posters.delete_unused(now=clock.now() + 2 * policy.POSTERS_KEPT) == 0


def test_a_file_that_was_cut_off_is_written_again(concert):
    poster = put(concert)
    name = poster.name_of(320)
    whole = default_storage.size(name)
    with default_storage.open(name, "wb") as file:
        file.write(b"half")
    put(concert)
    assert default_storage.size(name) == whole


def test_the_api_gives_what_the_gateway_has_not(concert, client):
    poster = put(concert)
    answer = client.get(f"/media/{poster.name_of(320)}")
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert not answer.cookies
    assert len(answer.content) == default_storage.size(poster.name_of(320))


@pytest.mark.parametrize(
    "name",
    [
        f"posters/{'0' * 32}-320.webp",
        "posters/../../manage.py",
        "posters/%2e%2e/%2e%2e/manage.py",
        "signing-keys.json",
        "",
    ],
)
def test_other_names_lead_to_nothing(db_ready, client, name):
    answer = client.get(f"/media/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def _first(concert: Concert) -> str:
    return str(concert.performances.get().pk)
