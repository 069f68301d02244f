"""Where hot requests go: to the service, by its word to the API, and to the API without it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stack.gateway.server import TEMPLATE
from stack.service import HOST, free_ports
from tests.stack.entry import Api, Entry, stand_in, started

MORE = {
    "Authorization": "Bearer a",
    "X-Queue-Token": "b",
    "Accept-Language": "fr",
    "X-Request-ID": "request-one",
    "User-Agent": "c",
    "Content-Type": "application/json",
    "Idempotency-Key": "12345678",
}

A_UUID = "01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11"


@pytest.fixture
def mine(public) -> str:
    return public + "me/"


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS"])
def test_what_is_handed_over_reaches_the_api_as_it_came(client, api, service, public, method):
    body = '{"invitation_code": "' + "x" * 200_000 + '"}'
    answer = client.request(method, f"{public}?a=%20b&c", headers=MORE, content=body)
    assert answer.status_code == 200
    assert "x-accel-redirect" not in answer.headers
    [here], [there] = service.seen, api.seen
    assert there == here
    assert (there[":method"], there[":path"]) == (method, f"{public}?a=%20b&c")
    assert there[":body"] == body
    assert {name: there[name.lower()] for name in MORE} == MORE
    assert answer.headers["x-request-id"] == "request-one"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_own_place_that_is_handed_over_reaches_the_api(client, api, service, mine, method):
    answer = client.request(method, mine, headers={"Authorization": "Bearer a"})
    assert answer.json() == {"number": 1}
    assert [seen[":method"] for seen in (*service.seen, *api.seen)] == [method, method]


def test_what_the_service_answers_does_not_reach_the_api(client, api, service, public, mine):
    service.hands_over = False
    assert client.post(public).json() == {"number": 1}
    assert client.get(mine).json() == {"number": 2}
    assert api.seen == []


def test_holds_go_to_the_service_and_lists_of_reservations_do_not(client, api, service):
    service.hands_over = False
    path = "/api/v1/reservations/"
    assert client.post(path, json={"seat_ids": []}).json() == {"number": 1}
    assert client.get(f"{path}?status=PENDING").json() == {"number": 1}
    assert client.post(f"{path}x/extend/").json() == {"number": 2}
    assert [seen[":method"] for seen in service.seen] == ["POST"]
    assert [seen[":path"] for seen in api.seen] == [f"{path}?status=PENDING", f"{path}x/extend/"]


def test_payments_go_to_the_service_and_looks_at_them_do_not(client, api, service):
    service.hands_over = False
    path = "/api/v1/payments/"
    assert client.post(path, headers=MORE, content="{}").json() == {"number": 1}
    client.get(f"{path}{A_UUID}/")
    client.post(f"{path}{A_UUID}/confirm/")
    [paid] = service.seen
    assert paid["idempotency-key"] == MORE["Idempotency-Key"]
    assert [seen[":path"] for seen in api.seen] == [
        f"{path}{A_UUID}/",
        f"{path}{A_UUID}/confirm/",
    ]


def test_holds_that_are_given_up_go_to_the_service_and_looks_at_them_do_not(client, api, service):
    service.hands_over = False
    path = f"/api/v1/reservations/{A_UUID}/"
    client.delete(path)
    client.get(path)
    client.get(f"{path}tickets/")
    assert [seen[":method"] for seen in service.seen] == ["DELETE"]
    assert [seen[":path"] for seen in api.seen] == [path, f"{path}tickets/"]


def test_a_release_that_is_handed_over_reaches_the_api_as_it_came(client, api, service):
    client.delete(f"/api/v1/reservations/{A_UUID}/?a=b", headers=MORE)
    [here], [there] = service.seen, api.seen
    assert there == here


def test_a_payment_that_was_sent_is_not_sent_again(another):
    api, client = another()
    client.service.breaks = True
    assert client.post("/api/v1/payments/", json={}).status_code == 503
    assert (len(client.service.seen), len(api.seen)) == (1, 0)


def test_a_hold_that_is_handed_over_reaches_the_api_as_it_came(client, api, service):
    client.post("/api/v1/reservations/?a=b", headers=MORE, content='{"best_available": {}}')
    [here], [there] = service.seen, api.seen
    assert there == here
    assert there[":body"] == '{"best_available": {}}'


def test_a_hold_that_was_sent_is_not_sent_again(another):
    api, client = another()
    client.service.breaks = True
    assert client.post("/api/v1/reservations/", json={}).status_code == 503
    assert (len(client.service.seen), len(api.seen)) == (1, 0)


def test_what_is_not_hot_does_not_pass_the_service(client, api, service, public):
    for path in ("/api/v1/concerts/", public.replace("/queue/", "/seatmap/"), "/healthz/live"):
        assert client.get(path).status_code == 200
    assert service.seen == []
    assert len(api.seen) == 3


@pytest.mark.parametrize("path", ["/@api", "@api", "/%40api", "/.problem"])
def test_the_location_of_handed_over_requests_has_no_address(client, api, path):
    answer = client.get("/", extensions={"target": path.encode()})
    assert answer.status_code in (200, 400, 404)
    # Where it is an address at all it is the API's to know: an ordinary one, as it came.
    assert [seen[":path"] for seen in api.seen] in ([], [path])


def test_nobody_else_may_name_a_location(client, api, public):
    api.more_headers = {"X-Accel-Redirect": "/.problem"}
    assert client.get("/api/v1/concerts/").json() == {"number": 1}
    assert client.get(public.replace("/queue/", "/seatmap/")).json() == {"number": 2}


@pytest.mark.control
def test_control_unless_it_is_ignored_any_answer_may_name_a_location(template, another):
    template(
        "proxy_ignore_headers X-Accel-Redirect X-Accel-Expires", "proxy_ignore_headers Expires"
    )
    api, client = another()
    api.more_headers = {"X-Accel-Redirect": "/.problem"}
    assert "number" not in client.get("/api/v1/concerts/").json()


@contextmanager
def gateway_before(nginx, folder, port: int) -> Iterator[tuple[Api, Entry]]:
    with stand_in() as api, started(nginx, api, folder, service_port=port) as entry:
        yield api, entry


@pytest.fixture
def alone(nginx, tmp_path_factory) -> Iterator[tuple[Api, Entry, int]]:
    """A gateway whose service is not there."""
    [port] = free_ports(1)
    with gateway_before(nginx, tmp_path_factory.mktemp("gateway"), port) as (api, entry):
        yield api, entry, port


def test_without_the_service_the_api_answers_everything(alone, public, mine):
    api, client, _ = alone
    for number in range(1, 4):
        assert client.post(public, content=b"{}").json() == {"number": number}
    assert client.get(mine).json() == {"number": 4}
    assert client.get(public).json() == {"number": 5}
    assert client.post("/api/v1/reservations/", json={}).json() == {"number": 6}
    assert [seen[":body"] for seen in api.seen[:3]] == ["{}"] * 3


def test_a_service_that_comes_back_gets_its_requests_again(alone, public):
    api, client, port = alone
    client.post(public)
    with stand_in(in_front_of=api, port=port) as service:
        service.hands_over = False
        numbers = []
        while not service.seen and len(numbers) < 10_000:
            numbers.append(client.post(public).json()["number"])
        assert service.seen
        assert len(api.seen) == len(numbers)


def test_a_join_that_was_sent_is_not_sent_again(another, public):
    api, client = another()
    service = client.service
    service.breaks = True
    answer = client.post(public)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "unavailable"
    assert len(service.seen) == 1
    assert api.seen == []


def test_a_poll_that_was_cut_off_is_sent_to_the_api(another, mine):
    api, client = another()
    service = client.service
    service.breaks = True
    assert client.get(mine, headers={"Authorization": "Bearer a"}).json() == {"number": 1}
    assert [seen["authorization"] for seen in (*service.seen, *api.seen)] == ["Bearer a"] * 2


@pytest.mark.control
def test_control_if_nginx_repeated_posts_a_join_would_be_sent_twice(template, another, public):
    patience = (
        "            proxy_next_upstream_tries 0;\n            proxy_next_upstream_timeout 6s;\n"
        "            proxy_read_timeout 5s;\n            proxy_pass http://$fastpath_servers$asked;"
    )
    template(f"proxy_next_upstream error timeout;\n{patience}",
             f"proxy_next_upstream error timeout non_idempotent;\n{patience}")  # fmt: skip
    api, client = another()
    client.service.breaks = True
    assert client.post(public).status_code == 200
    assert (len(client.service.seen), len(api.seen)) == (1, 1)


def test_a_frozen_service_keeps_one_caller_waiting_and_the_others_go_on(alone, public, mine):
    """A port that takes connections and never answers, as of a process under SIGSTOP."""
    api, client, port = alone
    with socket.create_server((HOST, port), backlog=64):
        assert client.post(public, timeout=30).status_code == 504
        assert api.seen == []
        # For a while nobody is sent there any more.
        assert client.post(public, timeout=4).json() == {"number": 1}
        assert client.get(mine, timeout=4).json() == {"number": 2}


def test_a_frozen_service_that_was_taken_out_keeps_nobody_waiting(alone, public, mine):
    _, client, port = alone
    with socket.create_server((HOST, port), backlog=64):
        client.gateway.send_nothing_to("fastpath")
        client.gateway.send_nothing_to("fastpath-sale")
        assert client.post(public, timeout=4).json() == {"number": 1}
        assert client.get(mine, timeout=4).json() == {"number": 2}
        assert client.post("/api/v1/reservations/", json={}, timeout=4).json() == {"number": 3}


@pytest.mark.parametrize(
    ("place", "process"),
    [
        ("/availability/$", "http://$sale_servers$asked"),
        ("/queue/$", "http://$fastpath_servers$asked"),
        ("/queue/me/$", "http://$fastpath_servers"),
        ("^/api/v1/(reservations|payments)/$", "http://$holder"),
    ],
)
def test_each_hot_route_goes_to_the_process_that_serves_it(place, process):
    """By its text: the other process would hand it over, and nobody but the API would notice."""
    text = TEMPLATE.read_text()
    [location] = [part for part in text.split("location ")[1:] if f"{place} {{" in part]
    assert f"proxy_pass {process};" in location
    holders = text.partition("map $request_method $holder {")[2].partition("}")[0]
    assert holders.split() == ["POST", "$sale_servers;", "default", "$api_servers;"]
