"""Public documents at the gateway: availability, seat map and outline, the draw and its roster."""

import pytest

from tests.support.waiting import await_that


@pytest.fixture
def availability(public) -> str:
    return public.replace("/queue/", "/availability/")


@pytest.fixture(params=["/seatmap/", "/seatmap/outline/"])
def seat_map(public, request) -> str:
    return public.replace("/queue/", request.param)


def number(client, path: str, **headers: str) -> int:
    return client.get(path, headers=headers).json()["number"]


# --- availability: Note [Young answers]


def test_availability_is_fetched_as_nobody_from_the_service(client, api, service, availability):
    service.hands_over = True
    headers = {"Authorization": "Bearer a", "Cookie": "a=b", "If-None-Match": '"a"'}
    assert client.get(f"{availability}?format=xml", headers=headers).status_code == 200
    [seen] = service.seen
    assert seen[":path"] == availability
    assert not {"authorization", "cookie", "if-none-match"} & seen.keys()


def test_an_availability_ends_with_its_quarter_of_a_second(client, api, availability):
    """Whatever the answer says: a second is the least that nginx would keep it for."""
    api.cache_control = "max-age=60"
    first = number(client, availability)
    await_that(lambda: number(client, availability) > first, "another one is fetched")


def next_second(client, path: str) -> None:
    """Wait until the gateway's clock shows another second twice over."""
    seen: set[str] = set()

    def passed() -> bool:
        seen.add(client.get(path).headers["Date"])
        return len(seen) == 3

    await_that(passed, "two seconds by the gateway's clock")


@pytest.mark.control
def test_control_without_the_quarter_in_its_key_it_would_be_kept(template, another, availability):
    template("proxy_cache_key $quarter$language", "proxy_cache_key $language")
    api, client = another()
    api.cache_control = "max-age=60"
    first = number(client, availability)
    # By requests that are kept no longer than the status line: the gateway dates each answer.
    next_second(client, "/static/none")
    assert number(client, availability) == first


def test_within_a_quarter_one_answer_is_for_all(client, api, availability):
    """Of many that come at once nearly all share answers, in each language by itself."""
    api.cache_control = "max-age=60"
    for _ in range(200):
        client.get(availability, headers={"Accept-Language": "en"})
    assert len(api.seen) < 100


def test_a_slow_fetch_holds_nobody_up_for_long(client, api, availability):
    """One who waits for another's answer goes on alone, and is answered by the next server."""
    api.delay = 1.0
    assert client.get(availability).status_code == 200


def test_without_an_answer_in_time_the_api_is_asked(another, availability):
    api, client = another()
    client.service.breaks = True
    api.breaks = False
    # The stand-in of the service answers by what the API would; it hangs up where that breaks.
    assert client.get(availability).status_code in (200, 503)


# --- the seat map


def test_a_seat_map_is_renewed_in_the_background(client, api, seat_map):
    """Nobody waits for the renewal: it is asked for while the old one is sent."""
    api.cache_control = "public, max-age=86400"
    assert number(client, seat_map) == 1
    await_that(lambda: len(api.seen) >= 2 or not client.get(seat_map), "it is asked for again")
    api.delay = 0.5
    seen = len(api.seen)
    before = [number(client, seat_map) for _ in range(20)]
    assert max(before) <= seen


def test_a_seat_map_is_kept_by_language_and_packing(client, api, seat_map):
    api.cache_control = "public, max-age=86400"
    for language in ("ko", "en", "en-GB"):
        for packing in ("gzip", "br, gzip", "identity", "gzip;q=0"):
            client.get(seat_map, headers={"Accept-Language": language, "Accept-Encoding": packing})
    asked = sorted(
        (seen["accept-language"], seen.get("accept-encoding", "")) for seen in api.seen[:4]
    )
    assert asked == [("en", ""), ("en", "gzip"), ("ko", ""), ("ko", "gzip")]


def test_a_seat_map_is_fetched_as_nobody(client, api, seat_map):
    client.get(seat_map, headers={"Authorization": "Bearer a", "Cookie": "a=b"})
    assert not {"authorization", "cookie"} & api.seen[0].keys()


@pytest.mark.parametrize("control", ["no-cache", "private, max-age=9", "no-store"])
def test_a_seat_map_that_may_change_is_not_kept(client, api, seat_map, control):
    api.cache_control = control
    assert [number(client, seat_map) for _ in range(3)] == [1, 2, 3]


KEPT_SECTIONS = ["?section=A", "?section=1F-B", "?section=%EA%B0%80", "?section=A%20%26%3F"]


@pytest.mark.parametrize("section", KEPT_SECTIONS)
def test_the_map_of_a_section_is_fetched_once_for_all(client, api, public, section):
    api.cache_control = "public, max-age=86400"
    path = public.replace("/queue/", "/seatmap/") + section
    logins = [{"Authorization": "Bearer a"}, {"Cookie": "a=b", "If-None-Match": '"a"'}]
    for _ in range(20):
        for login in logins:
            number(client, path, **login)
    assert len(api.seen) < 20  # it is renewed each second
    assert {seen[":path"] for seen in api.seen} == {path}
    assert not {"authorization", "cookie"} & api.seen[0].keys()


ODD_SECTIONS = ["?section=%41", "?section=A&section=B", "?section=", "?section=a+b", "?b=1",
                "?section=%ea%b0%80", "?a=b&section=A", "?section=A%2d", "?section=A'"]  # fmt: skip


@pytest.mark.parametrize("odd", ODD_SECTIONS)
def test_another_spelling_of_a_section_is_passed_on_and_kept_for_nobody(client, api, public, odd):
    api.cache_control = "public, max-age=86400"
    path = public.replace("/queue/", "/seatmap/") + odd
    assert [number(client, path) for _ in range(3)] == [1, 2, 3]
    assert {seen[":path"] for seen in api.seen} == {path}


def test_a_section_that_the_api_lets_nobody_keep_is_not_kept(client, api, public):
    api.cache_control = "no-cache"
    path = public.replace("/queue/", "/seatmap/") + "?section=a"
    assert [number(client, path) for _ in range(2)] == [1, 2]


@pytest.mark.control
def test_control_passed_on_without_its_section_one_stands_for_all(template, another, public):
    template("default $uri$section_args;", "default $uri;")
    api, client = another()
    api.cache_control = "public, max-age=86400"
    seat_map = public.replace("/queue/", "/seatmap/")
    assert number(client, f"{seat_map}?section=A") == number(client, f"{seat_map}?section=B")


def test_no_parameter_asks_for_an_outline_or_a_performance_again(client, api, public):
    api.cache_control = "public, max-age=60"
    for path in (public.replace("/queue/", "/seatmap/outline/"), public.replace("/queue/", "/")):
        first = number(client, path)
        assert number(client, f"{path}?section=A") == first
        assert number(client, f"{path}?a=b", Authorization="Bearer a", Cookie="a=b") == first
        assert not {"authorization", "cookie"} & api.seen[-1].keys()


def test_a_refused_seat_map_takes_the_place_of_the_one_that_was_kept(client, api, seat_map):
    api.cache_control = "public, max-age=86400"
    assert client.get(seat_map).status_code == 200
    api.status = 404
    await_that(lambda: client.get(seat_map).status_code == 404, "it is withdrawn")


def test_who_has_the_seat_map_gets_304_from_the_gateway(client, api, seat_map):
    api.cache_control = "public, max-age=86400"
    api.more_headers = {"ETag": '"abc"'}
    client.get(seat_map)
    answer = client.get(seat_map, headers={"If-None-Match": '"abc"'})
    assert answer.status_code == 304
    assert len(api.seen) == 1


# --- the draw and its roster


@pytest.fixture
def draw(public) -> str:
    return public.replace("/queue/", "/draw/")


def roster(draw: str, more: str = "") -> str:
    return f"{draw}roster/{more}"


KEPT_PAGES = ["", "?first=1", "?first=1001", "?first=9999001"]


@pytest.mark.parametrize("page", [None, *KEPT_PAGES])
def test_a_draw_and_each_page_of_its_roster_is_fetched_once_for_all(client, api, draw, page):
    api.cache_control = "public, max-age=60"
    path = draw if page is None else roster(draw, page)
    logins = [{}, {"Authorization": "Bearer a"}, {"Cookie": "a=b", "If-None-Match": '"a"'}]
    assert [number(client, path, **login) for login in logins] == [1, 1, 1]
    [seen] = api.seen
    assert seen[":path"] == path
    assert not {"authorization", "cookie", "if-none-match"} & seen.keys()


def test_pages_and_languages_are_kept_apart(client, api, draw):
    api.cache_control = "public, max-age=60"
    paths = [draw, *(roster(draw, page) for page in KEPT_PAGES)]
    for _ in range(2):
        for path in paths:
            for language in ("ko", "en", "en-GB"):
                client.get(path, headers={"Accept-Language": language})
    asked = [(seen[":path"], seen["accept-language"]) for seen in api.seen]
    assert sorted(asked) == sorted((path, language) for path in paths for language in ("ko", "en"))


def test_no_parameter_and_no_spelling_asks_for_a_draw_again(client, api, draw):
    api.cache_control = "public, max-age=60"
    for spelling in (draw, f"{draw}?format=xml", f"{draw}?", draw.replace("/v1/", "/v1//")):
        assert number(client, spelling) == 1
    assert [seen[":path"] for seen in api.seen] == [draw]


ODD = ["?first=01", "?first=0", "?first=%31", "?first=1&first=1001", "?first=x", "?a=b&first=1",
       "?first=", "?first=12345678"]  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_another_spelling_of_a_page_is_passed_on_and_kept_for_nobody(client, api, draw, odd):
    api.cache_control = "public, max-age=60"
    assert number(client, roster(draw, "?first=1")) == 1
    assert [number(client, roster(draw, odd)) for _ in range(2)] == [2, 3]
    assert {seen[":path"] for seen in api.seen[1:]} == {roster(draw, odd)}
    assert number(client, roster(draw, "?first=1")) == 1


@pytest.mark.control
def test_control_kept_in_every_spelling_one_stands_for_all(template, another, draw):
    template('"~^first=[1-9][0-9]{0,6}$" $uri?$args;', '"~^first=" $uri;')
    api, client = another()
    api.cache_control = "public, max-age=60"
    assert number(client, roster(draw, "?first=1")) == number(client, roster(draw, "?first=1001"))


def test_a_refused_draw_takes_the_place_of_the_one_that_was_kept(client, api, draw):
    assert client.get(draw).status_code == 200
    api.status = 404
    await_that(lambda: client.get(draw).status_code == 404, "it is withdrawn")


def test_who_has_a_page_gets_304_from_the_gateway(client, api, draw):
    api.cache_control = "public, max-age=60"
    api.more_headers = {"ETag": '"abc"'}
    client.get(roster(draw))
    answer = client.get(roster(draw), headers={"If-None-Match": '"abc"'})
    assert answer.status_code == 304
    assert len(api.seen) == 1
