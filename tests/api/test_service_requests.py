"""What the service `fastpath` takes, and what it hands over untouched; what it counts."""

import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.api.authentication import login_from
from config.wsgi import application
from fastpath import calls
from fastpath import service as fastpath_service
from kernel import clock
from kernel.http import call_limits
from kernel.ids import uuid7
from queueing.places import RoomPlaces
from queueing.usecases import waiting_room
from tests.support.factories import make_user
from tests.support.round_trips import counted_round_trips
from tests.support.service import answers_to, exchanges, request_of
from tests.support.waiting_rooms import make_room, place_url, queue_url
from tests.support.wsgi import answer_of, bearer, environment, json_body

pytestmark = pytest.mark.usefixtures("db_ready", "nothing_counted")


def join(room, user=None, **more):
    return environment(
        "POST", queue_url(room), HTTP_AUTHORIZATION=bearer(user or make_user()), **more
    )


def test_many_joins_at_once_are_numbered_in_the_order_they_came():
    room = make_room(capacity=1)
    fans = [make_user() for _ in range(20)]
    answers = exchanges([join(room, fan) for fan in fans])
    assert [answer.status for answer in answers] == [201] * 20
    numbers = [json.loads(answer.body)["number"] for answer in answers]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 20


def test_a_fan_who_joins_twice_at_once_has_one_place():
    room, fan = make_room(), make_user()
    answers = exchanges([join(room, fan), join(room, fan), join(room, fan)])
    assert sorted(answer.status for answer in answers) == [200, 200, 201]
    assert len({json.loads(answer.body)["number"] for answer in answers}) == 1


def test_a_refusal_or_an_odd_request_among_many_is_that_ones_alone():
    room = make_room()
    odd = [
        join(room, HTTP_COOKIE="a=b"),
        environment("POST", queue_url(room), HTTP_AUTHORIZATION="Bearer a.b.c"),
        join(room, **json_body(b'{"invitation_code":"x"}')),
    ]
    answers = exchanges([join(room), *odd, join(room), environment("GET", queue_url(room))])
    assert [answer.status for answer in answers] == [201, 421, 421, 421, 201, 200]
    assert all(answer.is_handed_over for answer in answers[1:4])


def test_polls_that_prove_nothing_do_not_reach_the_server():
    """A batch of nobody would be an error of the server, and end the connection of all others."""
    room, fan = make_room(), make_user()
    poll = environment(
        "GET", place_url(room), HTTP_AUTHORIZATION=bearer(fan), HTTP_X_QUEUE_TOKEN="a.b.c"
    )
    with counted_round_trips() as trips:
        [answer] = exchanges([poll])
    assert (answer.status, json.loads(answer.body)["code"]) == (403, "queue_token_invalid")
    assert (trips.redis, trips.sql) == ([], [])


def test_a_defect_in_the_use_case_is_left_to_the_api_and_the_next_batch_goes_on(monkeypatch):
    room = make_room()

    def broken(*_, **__):
        raise LookupError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(RoomPlaces, "place_of", broken)
        assert [one.is_handed_over for one in exchanges([join(room), join(room)])] == [True] * 2
    assert exchanges([join(room)])[0].status == 201


def test_a_defect_of_the_service_itself_is_left_to_the_api(monkeypatch):
    monkeypatch.setattr(fastpath_service, "parted", lambda *_, **__: 1 / 0)
    assert exchanges([join(make_room())])[0].is_handed_over


def test_a_login_is_taken_by_its_mac_whatever_its_signature():
    """Note [Two proofs]: the service reads each login once, and a signature costs the most."""
    room, fan = make_room(), make_user()
    spoilt = bearer(fan)[:-8] + "AAAAAAAA"
    environ = environment("POST", queue_url(room), HTTP_AUTHORIZATION=spoilt)
    assert exchanges([environ])[0].status == 201
    assert answer_of(application, environ).status.startswith("401")


@pytest.mark.control
def test_control_judged_by_its_signature_a_spoilt_login_is_handed_over(monkeypatch):
    room, fan = make_room(), make_user()
    monkeypatch.setattr(
        calls, "login_from", lambda header, now, by_mac: login_from(header, now=now)
    )
    environ = environment("POST", queue_url(room), HTTP_AUTHORIZATION=bearer(fan)[:-8] + "AAAAAAAA")
    assert exchanges([environ])[0].is_handed_over


@pytest.mark.parametrize("part", [0, 1])
def test_a_login_with_a_changed_header_or_claims_is_handed_over(part):
    room, fan = make_room(), make_user()
    words = bearer(fan).split(".")
    middle = len(words[part]) // 2
    other = "A" if words[part][middle] != "A" else "B"
    words[part] = words[part][:middle] + other + words[part][middle + 1 :]
    environ = environment("POST", queue_url(room), HTTP_AUTHORIZATION=".".join(words))
    assert exchanges([environ])[0].is_handed_over


ODD_HEADERS = {
    "twice the same": ("authorization", "Bearer x"),
    "a condition": ("if-none-match", '"x"'),
    "a cookie": ("cookie", "a=b"),
    "in chunks": ("transfer-encoding", "chunked"),
    "an expectation": ("expect", "100-continue"),
    "no text": ("x-queue-token", "\xff"),
    "another host": ("x-forwarded-host", "evil.example"),
    "unheard of": ("x-anything", "1"),
    "with a line below": ("x_queue_token", "1"),
    "an upgrade": ("upgrade", "h2c"),
    "another method": ("x-http-method-override", "DELETE"),
}


@pytest.mark.parametrize("odd", ODD_HEADERS)
def test_a_request_with_another_header_is_handed_over(odd):
    [made] = answers_to([request_of(join(make_room()), [ODD_HEADERS[odd]])])
    assert made.is_handed_over


def test_no_header_of_a_reader_keeps_the_public_status_from_the_others():
    status = environment("GET", queue_url(make_room()))
    sent = [*ODD_HEADERS.values(), ("accept", "text/html"), ("authorization", "Bearer x")]
    left = {"cookie", "transfer-encoding", "expect", "x-forwarded-host", "upgrade"}
    for name, value in sent:
        [made] = answers_to([request_of(status, [(name, value)])])
        assert made.is_handed_over == (name in left), name


@pytest.mark.parametrize(
    "more",
    [{"HTTP_ACCEPT": "text/html"}, {"HTTP_IDEMPOTENCY_KEY": "12345678"}, {"HTTP_RANGE": "bytes=1-"},
     {"HTTP_IF_NONE_MATCH": "*"}, {"HTTP_X_ANYTHING": "1"}, {"HTTP_X_QUEUE_TOKEN": "1"},
     {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"}, json_body(b"{")],
    ids=lambda more: next(iter(more)),
)  # fmt: skip
def test_what_is_left_out_changes_nothing_of_the_public_status(more):
    environ = environment("GET", f"/api/v1/performances/{uuid7()}/queue/", **more)
    [made] = exchanges([environ])
    call_limits.forget_client_ips()
    there = answer_of(application, environ)
    here = made.answer()
    assert (here.status, here.body, here.headers) == (there.status, there.body, there.headers)


@pytest.mark.parametrize("name", ["host", "x-forwarded-for", "x-request-id", "accept-language"])
@pytest.mark.parametrize("value", ["a", "\xff"])
def test_what_a_status_depends_on_must_be_readable_once(name, value):
    environ = environment("GET", queue_url(make_room()))
    request = request_of(environ, [(name, "a"), (name, value)])
    assert answers_to([request])[0].is_handed_over


@pytest.mark.parametrize("name", ["authorization", "x-queue-token", "x-forwarded-for", "host"])
def test_what_thousands_share_is_found_once_and_nothing_of_one_reaches_another(name):
    """Note [Heads alike]: the odd request first, the usual ones after it, and the other way."""
    room = make_room()
    odd = request_of(join(room), [(name, "a"), (name, "a")])
    asked = [odd, request_of(join(room)), odd, request_of(join(room))]
    assert [made.is_handed_over for made in answers_to(asked)] == [True, False, True, False]


@pytest.mark.parametrize(
    "target", ["http://evil.example{}", "{}?", "{}?a=b", "/{}", "{}#", "{}%20", "*", ""]
)
def test_another_spelling_of_an_address_is_handed_over(target):
    environ = join(make_room())
    request = request_of(environ)
    request.target = target.format(environ["PATH_INFO"]).encode()
    assert answers_to([request])[0].is_handed_over


BODIES = [b"{ }", b"[]", b"null", b"{", b"{}{}", b'{"invitation_code":"x"}', b"x" * 70_000, b"0"]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
def test_a_body_with_anything_in_it_is_handed_over(body):
    assert exchanges([join(make_room(), **json_body(body))])[0].is_handed_over


def test_a_body_that_was_too_long_to_be_kept_is_handed_over():
    request = request_of(join(make_room()))
    request.body = None
    assert answers_to([request])[0].is_handed_over


@pytest.mark.parametrize(
    ("length", "content_type"),
    [("2", "text/plain"), ("2", None), ("-2", "application/json"), ("2 ", "application/json"),
     ("²", "application/json"), ("0x2", "application/json")],
)  # fmt: skip
def test_a_body_of_another_form_is_handed_over(length, content_type):
    environ = join(make_room(), CONTENT_LENGTH=length) | {"wsgi.input": b"{}"}
    if content_type:
        environ["CONTENT_TYPE"] = content_type
    assert exchanges([environ])[0].is_handed_over


PATHS = st.one_of(
    st.text(max_size=80),
    st.builds(
        lambda a, b, c: f"/api/v1/{a}/{b}/{c}",
        st.sampled_from(["performances", "reservations", "..", "%2e"]),
        st.one_of(st.uuids().map(str), st.text(max_size=40)),
        st.sampled_from(["queue/", "queue/me/", "queue", "queue//me/", "queue/stream/", ""]),
    ),
)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "HEAD", "PUT", "OPTIONS", "get", "X"]),
    path=PATHS,
    query=st.sampled_from(["", "", "a=b", "format=xml"]),
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                ["accept", "accept-language", "authorization", "content-length", "content-type",
                 "cookie", "host", "x-forwarded-for", "x-queue-token", "x-request-id"]
            ),
            st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30),
        ),
        max_size=6,
    ),
)  # fmt: skip
def test_whatever_comes_gets_one_response_and_no_server_error(method, path, query, headers):
    environ = {
        **environment(method, path, QUERY_STRING=query),
        "HTTP_X_REQUEST_ID": "",
    }
    del environ["HTTP_X_REQUEST_ID"], environ["HTTP_HOST"]
    [made] = answers_to([request_of(environ, [("host", "testserver"), *headers])])
    assert made.is_handed_over or 200 <= made.status < 500


# --- limits by client IP (Note [Counted first])


@pytest.fixture
def few(settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"anonymous": "6/hour"}


def statuses(environs):
    return [exchanges([environ])[0].status for environ in environs]


def test_forged_logins_use_a_client_ip_up_here_too(few):
    forged = environment("POST", queue_url(make_room()), HTTP_AUTHORIZATION="Bearer a.b.c")
    assert statuses([forged] * 4) == [421, 421, 429, 429]


def test_calls_with_a_login_are_not_counted_by_their_client_ip(few):
    room = make_room()
    fan = make_user()
    assert statuses([join(room, fan)] * 9) == [201] + [200] * 8
    odd = join(room, fan, **json_body(b'{"invitation_code":"x"}'))
    assert statuses([odd] * 9) == [421] * 9


@pytest.mark.control
def test_control_not_given_back_calls_of_fans_would_use_the_client_ip_up(few, monkeypatch):
    monkeypatch.setattr(call_limits._client_ips, "refund", lambda *_: None)
    monkeypatch.setattr(calls.Call, "anybody", lambda _: None)
    assert statuses([join(make_room(), make_user())] * 7)[-1] == 429


def test_a_spent_client_ip_still_serves_those_with_a_login_or_a_join_token(few):
    room, fan = make_room(), make_user()
    place = waiting_room.join(user_id=fan.pk, performance_id=room.pk, token=None, now=clock.now())
    status = environment("GET", queue_url(room))
    assert statuses([status] * 7) == [200] * 6 + [429]
    assert statuses([join(room, fan)]) == [200]
    poll = environment("GET", place_url(room), HTTP_X_QUEUE_TOKEN=place.token)
    assert statuses([poll]) == [200]


def test_the_refusal_of_a_spent_client_ip_is_the_one_of_the_api(few):
    status = environment("GET", f"/api/v1/performances/{uuid7()}/queue/")
    answers = []
    for _ in range(3):
        [made] = exchanges([status])
        answers.append(made.answer())
    call_limits.forget_client_ips()
    of_api = [answer_of(application, status) for _ in range(3)]
    assert [one.status[:3] for one in answers] == ["404", "404", "429"]
    for here, there in zip(answers, of_api, strict=True):
        assert (here.status, here.body, here.headers) == (there.status, there.body, there.headers)
