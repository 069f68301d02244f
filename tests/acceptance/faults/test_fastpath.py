"""The service fastpath behind the real gateway: handing over, and what its failures do to fans."""

import json
import re
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psutil
import pytest

from tests.support.concurrency import all_at_once
from tests.support.site import Fan, Sale, Site
from tests.support.waiting import await_that

ROOM = {"rate_per_second": 1, "capacity": 1}  # one is admitted, the others wait


def queue_of(sale: Sale) -> str:
    return f"/api/v1/performances/{sale.performance_id}/queue/"


def lines_of(site: Site, process: str) -> list[dict]:
    """Return the access lines of one process in this run."""
    text = (site.data / "logs" / f"{process}.log").read_text(errors="replace")
    lines = text.split("\n")  # a path may hold what else ends a line of Unicode
    found = [line[line.index("{") :] for line in lines if '"frontrow.access"' in line]
    return [json.loads(line) for line in found]


def logged_by(site: Site, request_id: str) -> dict[str, int]:
    """Return how often each process logged a request, once the lines are written."""

    def count() -> dict[str, int]:
        found = {
            process: sum(line.get("request_id") == request_id for line in lines_of(site, process))
            for process in ("fastpath", "fastpath-sale", "api")
        }
        return {process: times for process, times in found.items() if times}

    return await_that(count, f"the access line of {request_id}")


def answered_by(site: Site, answer: httpx.Response) -> str:
    [(process, times)] = logged_by(site, answer.headers["X-Request-ID"]).items()
    assert times == 1
    return process


def of_the_api(site: Site, token: str | None = None) -> httpx.Client:
    """Return a client of the API itself, past the gateway."""
    client = site.http(token)
    client.base_url = f"http://127.0.0.1:{site.port('api')}"
    return client


def joined(site: Site, sale: Sale, fan: Fan) -> httpx.Response:
    return site.http(fan.access_token).post(queue_of(sale))


@pytest.fixture(autouse=True)
def _the_service_is_used(site: Site) -> None:
    """Wait until no process of nginx passes the service over, as it does after a failure."""
    sale = site.sale(seats=1, queue=ROOM)
    [fan] = site.fans(1)

    def is_used() -> bool:
        answers = [joined(site, sale, fan) for _ in range(6)]
        return all(answered_by(site, answer) == "fastpath" for answer in answers)

    await_that(is_used, "the service is used")


def test_joins_polls_and_the_status_are_answered_by_the_service(site: Site):
    sale = site.sale(seats=1, queue=ROOM)
    [fan] = site.fans(1)
    client = site.http(fan.access_token)
    joined = client.post(queue_of(sale))
    assert joined.status_code == 201
    polled = client.get(queue_of(sale) + "me/", headers={"X-Queue-Token": joined.json()["token"]})
    status = site.http().get(queue_of(sale))
    assert [answered_by(site, one) for one in (joined, polled, status)] == ["fastpath"] * 3


def test_holds_and_releases_are_answered_by_the_process_of_the_sale(site: Site):
    sale = site.sale(seats=1)
    [fan] = site.fans(1)
    client = site.http(fan.access_token)
    body = {"performance_id": sale.performance_id, "seat_ids": sale.seat_ids}
    held = client.post("/api/v1/reservations/", json=body)
    assert held.status_code == 201
    released = client.delete(f"/api/v1/reservations/{held.json()['id']}/")
    assert [answered_by(site, one) for one in (held, released)] == ["fastpath-sale"] * 2


JSON = {"Content-Type": "application/json"}
FORGED = {"Authorization": "Bearer a.b.c"}
HANDED_OVER = {
    "an invitation": ("POST", {"json": {"invitation_code": "none"}}, 400, "invitation_invalid"),
    "no JSON": ("POST", {"content": b"{", "headers": JSON}, 400, "malformed_json"),
    "a form": ("POST", {"data": {"a": "b"}}, 415, "unsupported_media_type"),
    "a large body": ("POST", {"content": b"x" * 100_000}, 413, "body_too_large"),
    "a cookie": ("POST", {"headers": {"Cookie": "a=b"}}, 201, None),
    "a query": ("POST", {"params": {"a": "b"}}, 201, None),
    "a forged login": ("POST", {"headers": FORGED}, 401, "token_invalid"),
    "another method": ("PUT", {}, 405, "method_not_allowed"),
}  # fmt: skip


@pytest.mark.parametrize("what", HANDED_OVER)
def test_the_rest_is_handed_over_whole_and_answered_by_the_api(site: Site, what: str):
    method, request, status, code = HANDED_OVER[what]
    sale = site.sale(seats=1, queue=ROOM)
    [fan] = site.fans(1)
    answer = site.http(fan.access_token).request(method, queue_of(sale), **request)
    assert answer.status_code == status, answer.text
    assert code is None or answer.json()["code"] == code
    assert "x-accel-redirect" not in answer.headers
    assert answered_by(site, answer) == "api"


def test_large_bodies_do_not_make_the_gateway_pass_the_service_over(site: Site):
    """Note [Bodies are read]: a response amid a body looks like a failure to nginx."""
    sale = site.sale(seats=1, queue=ROOM)
    [fan] = site.fans(1)
    client = site.http(fan.access_token)
    for _ in range(20):
        assert client.post(queue_of(sale), content=b"x" * 900_000).status_code == 413
        assert answered_by(site, client.post(queue_of(sale))) == "fastpath"


def test_leaving_is_handed_over(site: Site):
    sale = site.sale(seats=1, queue=ROOM)
    [fan] = site.fans(1)
    client = site.http(fan.access_token)
    client.post(queue_of(sale))
    left = client.delete(queue_of(sale) + "me/")
    assert left.status_code == 204
    assert answered_by(site, left) == "api"


def requests_counted(site: Site) -> Counter[str]:
    """Return how many requests of the waiting room's views each process has counted."""
    operator = {"Authorization": f"Bearer {site.env['OPS_TOKEN']}"}
    urls = {
        "api": f"{site.url}/metrics",
        "fastpath": f"http://127.0.0.1:{site.port('fastpath-metrics')}/metrics",
    }
    name = r'django_http_requests_total_by_view_transport_method_total\{.*view="queue".*\} (\S+)'
    texts = {process: httpx.get(url, headers=operator).text for process, url in urls.items()}
    return Counter(
        {process: sum(map(float, re.findall(name, text))) for process, text in texts.items()}
    )


def test_every_request_is_counted_once(site: Site):
    sale = site.sale(seats=1, queue=ROOM)
    fans = site.fans(20)
    before = requests_counted(site)
    answers = [site.http(fan.access_token).post(queue_of(sale)) for fan in fans]
    odd = [site.http(fan.access_token).post(queue_of(sale), json={"x": 1}) for fan in fans[:5]]
    for answer in (*answers, *odd):
        answered_by(site, answer)
    await_that(
        lambda: requests_counted(site) - before == {"fastpath": 20, "api": 5}, "all are counted"
    )


@pytest.mark.parametrize("verb", ["stop", "kill"])
def test_without_the_service_the_api_answers(site: Site, verb: str):
    sale = site.sale(seats=1, queue=ROOM)
    fans = site.fans(6)
    with site.without("fastpath", verb=verb):
        answers = [site.http(fan.access_token).post(queue_of(sale)) for fan in fans]
        assert {answer.status_code for answer in answers} == {201}
        assert {answered_by(site, answer) for answer in answers} == {"api"}
        status = site.http().get(queue_of(sale))
        assert status.status_code == 200
    client = site.http(fans[0].access_token)
    assert client.post(queue_of(sale)).json()["number"] == answers[0].json()["number"]


def test_killed_amid_a_batch_each_fan_has_one_place_after_trying_again(site: Site):
    """The call has reached the queue server, which executes it for nobody; others wait behind."""
    sale = site.sale(seats=1, queue=ROOM)
    first, *fans = site.fans(41)
    before = joined(site, sale, first).json()["number"]  # the room is known
    clients = [site.http(fan.access_token) for fan in fans]
    server = psutil.Process(site.process("queue")["pid"])
    service = _process(site)
    with ThreadPoolExecutor(len(fans)) as pool:
        server.suspend()
        try:
            waiting = [pool.submit(client.post, queue_of(sale)) for client in clients]
            await_that(lambda: _unread_by(site.port("queue")), "a batch was sent")
            service.kill()
        finally:
            server.resume()
        answers = [one.result(timeout=60) for one in waiting]
    refused = [answer for answer in answers if answer.status_code >= 500]
    assert {answer.json()["code"] for answer in refused} >= {"unavailable"}, "the kill met nobody"
    assert {answer.status_code for answer in refused} == {503}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    _each_has_one_place(site, sale, fans, above=before)


def _each_has_one_place(site: Site, sale: Sale, fans: list[Fan], *, above: int) -> None:
    """Let all try again until they have a place; a further join gives the same one."""

    def settled(fan: Fan) -> int:
        def join() -> int | None:
            answer = joined(site, sale, fan)
            return answer.json()["number"] if answer.status_code in (200, 201) else None

        number = await_that(join, "a place", seconds=30)
        again = joined(site, sale, fan)
        assert (again.status_code, again.json()["number"]) == (200, number)
        return number

    numbers = all_at_once(settled, fans)
    assert len(set(numbers)) == len(fans)
    assert min(numbers) > above


def _process(site: Site) -> psutil.Process:
    return psutil.Process(site.process("fastpath")["pid"])


def _unread_by(port: int) -> int:
    """Return how many bytes a server on this port has received and not read."""
    unread = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        local, state, queues = words[1], words[3], words[4]
        if int(local.partition(":")[2], 16) == port and state == "01":
            unread += int(queues.partition(":")[2], 16)
    return unread


def test_a_frozen_service_keeps_few_waiting_and_loses_no_place(site: Site):
    sale = site.sale(seats=1, queue=ROOM)
    first, *fans = site.fans(13)
    before = joined(site, sale, first).json()["number"]
    with site.paused("fastpath"):
        frozen = joined(site, sale, fans[0])
        assert frozen.status_code == 504
        assert int(frozen.headers["Retry-After"]) >= 1
        # Now nginx knows: others do not wait for the service, or one does in a while.
        answers = all_at_once(lambda fan: joined(site, sale, fan), fans[1:])
        quick = [one for one in answers if one.status_code == 201]
        assert len(quick) >= len(answers) - 4
        assert {answered_by(site, one) for one in quick} == {"api"}
    _each_has_one_place(site, sale, fans, above=before)


def test_the_queue_server_away_is_refused_as_the_api_does(site: Site):
    sale = site.sale(seats=1, queue=ROOM)
    [fan] = site.fans(1)
    token = joined(site, sale, fan).json()["token"]
    requests = {
        "join": ("POST", queue_of(sale), {}),
        "poll": ("GET", queue_of(sale) + "me/", {"X-Queue-Token": token}),
    }
    with site.without("queue"):
        for method, path, headers in requests.values():
            here = site.http(fan.access_token).request(method, path, headers=headers)
            there = of_the_api(site, fan.access_token).request(method, path, headers=headers)
            assert here.json()["code"] == "queue_unavailable"
            assert (here.status_code, here.content) == (there.status_code, there.content)
            assert here.headers["Retry-After"] == there.headers["Retry-After"]
            assert answered_by(site, here) == "fastpath"


# --- hostile input, at the gateway and past it


def sent_to(site: Site, where: str, data: bytes) -> bytes:
    """Send bytes and return the answer until the server hangs up or says no more."""
    with socket.create_connection(("127.0.0.1", site.port(where)), 10) as connection:
        connection.settimeout(3)
        answer = b""
        try:
            connection.sendall(data)
            while chunk := connection.recv(65536):
                answer += chunk
        except OSError:
            pass  # it said no more, or hung up
        return answer


def _head(path: str, *lines: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()


def _hostile(path: str) -> dict[str, bytes]:
    hidden = _head("/healthz/live", method="GET")
    return {
        "two lengths": _head(path, "Content-Length: 0", f"Content-Length: {len(hidden)}") + hidden,
        "length and chunks": _head(path, "Content-Length: 4", "Transfer-Encoding: chunked")
        + b"0\r\n\r\n" + hidden,
        "chunks, oddly spelt": _head(path, "Transfer-Encoding: xchunked", "Content-Length: 5")
        + b"0\r\n\r\n" + hidden,
        "a line too many": _head(path, "X-A: b\r\n\tc", "Content-Length: 0"),
        "a bare line feed": b"POST " + path.encode() + b" HTTP/1.1\nHost: 127.0.0.1\n\n",
        "no version": b"POST " + path.encode() + b"\r\n\r\n",
        "large headers": _head(path, "X-Queue-Token: " + "x" * 200_000),
        "many headers": _head(path, *(f"X-{n}: {n}" for n in range(2000))),
        "odd bytes": _head(path, "Content-Length: 0").replace(b"Host", b"Ho\x00st"),
        "bytes that are no text": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        "an unfinished body": _head(path, "Content-Length: 2") + b"{",
        "many at once": _head(path, "Content-Length: 0") * 50,
    }  # fmt: skip


@pytest.mark.parametrize("where", ["gateway", "fastpath"])
def test_hostile_bytes_end_where_they_arrive_and_others_are_served(site: Site, where: str):
    sale = site.sale(seats=1, queue=ROOM)
    service = _process(site).pid
    for what, data in _hostile(queue_of(sale)).items():
        answer = sent_to(site, where, data)
        statuses = {int(found) for found in re.findall(rb"HTTP/1\.[01] (\d{3})", answer)}
        allowed = {400, 401, 404, 408, 411, 413, 414, 421, 431, 501, 505}
        assert statuses <= allowed, (what, answer[:300])
        assert answer.count(b"HTTP/1.") <= (50 if what == "many at once" else 1), what
    [fan] = site.fans(1)
    assert joined(site, sale, fan).status_code == 201
    assert _process(site).pid == service


def test_a_slow_sender_is_served_and_holds_nobody_up(site: Site):
    sale = site.sale(seats=1, queue=ROOM)
    slow, quick = site.fans(2)
    port = site.port("fastpath")
    login = f"Authorization: Bearer {slow.access_token}"
    data = _head(queue_of(sale), login, "Content-Length: 0", "Connection: close")
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(data[:40])
        assert joined(site, sale, quick).status_code == 201
        connection.sendall(data[40:])
        connection.settimeout(10)
        assert connection.recv(20).startswith(b"HTTP/1.1 201")


def test_what_is_sent_to_the_service_without_the_gateway_gets_421(site: Site):
    answer = sent_to(site, "fastpath", _head("/api/v1/concerts/", method="GET"))
    assert answer.startswith(b"HTTP/1.1 421 ")


def test_nobody_reaches_the_location_of_handed_over_requests(site: Site):
    place = urlsplit(site.url)
    for path in ("@api", "/@api"):
        sent = f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n"
        assert b" 40" in sent_to(site, "gateway", sent.encode())[:13]


def test_a_fan_who_hangs_up_hurts_nobody_in_the_batch(site: Site):
    sale = site.sale(seats=1, queue=ROOM)
    first, *fans = site.fans(12)
    before = joined(site, sale, first).json()["number"]
    port = site.port("fastpath")
    request_id = str(uuid4())
    for fan in fans[:4]:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            login = f"Authorization: Bearer {fan.access_token}"
            connection.sendall(_head(queue_of(sale), login, f"X-Request-ID: {request_id}"))
    answers = all_at_once(lambda fan: joined(site, sale, fan), fans[4:])
    assert {answer.status_code for answer in answers} == {201}
    _each_has_one_place(site, sale, fans, above=before)
