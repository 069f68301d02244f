"""A body is refused by its length before it is kept (Note [Length before children])."""

import io
import json
import re

import pytest
from django.conf import settings as django_settings
from django.urls import reverse

from concerts.layout.form import MAX_BYTES
from config.wsgi import application
from kernel.http import body_limits, call_limits
from kernel.http.body_limits import limit_of
from kernel.http.page_addresses import is_page
from kernel.ids import uuid7
from tests.support import hostile
from tests.support.hostile import WITH_BODY, Caller, Environs, Operation, code_of

HOLDS = "/api/v1/reservations/"
LAYOUT = reverse("admin:concerts_performance_layout", args=[uuid7()])
MOST_BYTES_OUT = 8 * 1024
CHUNK = 64 * 1024


class Watched(io.BytesIO):
    """An input that knows how much of it anybody has wanted at once."""

    most_at_once = 0

    def read(self, size=-1, *_):
        self.most_at_once = max(self.most_at_once, size)
        return super().read(size)


def sent(path, *, method="POST", **environ):
    started = []
    given = Environs().generic(method, path, b"", CONTENT_TYPE="application/json") | environ
    content = b"".join(application(given, lambda *start: started.extend(start)))
    return int(started[0].split()[0]), content, given


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_body_over_its_routes_limit_is_not_kept(operation: Operation):
    length, body = str(limit_of(operation.url()) + 1), Watched()
    status, content, _ = sent(
        operation.url(),
        method=operation.method,
        **{"CONTENT_LENGTH": length, "wsgi.input": body},
    )
    assert (status, json.loads(content)["code"]) == (413, "body_too_large")
    assert body.most_at_once <= CHUNK


def test_what_a_refusal_leaves_of_a_body_is_read_to_its_end():
    """Note [Bodies are read]."""
    for path, length in ((HOLDS, limit_of(HOLDS) + 1), (HOLDS, 500_000), ("/nowhere", 3_000)):
        body = io.BytesIO(b"x" * length)
        status, _, _ = sent(path, **{"CONTENT_LENGTH": str(length), "wsgi.input": body})
        assert status in (404, 413)
        assert body.tell() == length


def test_what_the_gateway_would_not_let_through_is_left_unread():
    body = Watched()
    status, _, _ = sent(
        HOLDS, **{"CONTENT_LENGTH": str(body_limits.MOST_DRAINED + 1), "wsgi.input": body}
    )
    assert (status, body.most_at_once) == (413, 0)


@pytest.mark.control
def test_control_without_the_look_at_its_length_it_is_read(monkeypatch, fan):
    monkeypatch.setattr(call_limits.body_limits, "is_too_large", lambda _: False)
    body = Watched()
    sent(
        HOLDS,
        **{
            "CONTENT_LENGTH": str(limit_of(HOLDS) + 1),
            "wsgi.input": body,
            "HTTP_AUTHORIZATION": f"Bearer {hostile.token_of(fan)}",
        },
    )
    assert body.most_at_once > CHUNK


@pytest.mark.parametrize("path", [HOLDS, "/_allauth/app/v1/auth/login", "/nowhere", "/"])
def test_without_a_length_a_body_is_read_up_to_the_limit_and_no_further(path):
    body = io.BytesIO(b" " * (limit_of(path) + 1000))
    more = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": body, "CONTENT_LENGTH": ""}
    status, content, _ = sent(path, **more)
    assert status == 413
    if is_page(path):
        assert content.startswith(b"<!doctype html>")
    else:
        assert json.loads(content)["code"] == "body_too_large"
    assert body.tell() == limit_of(path) + 1


def test_what_came_in_chunks_is_a_body_like_any_other(fan):
    body = b'{"performance_id": "x", "seat_ids": []}'
    status, content, given = sent(
        HOLDS,
        **{
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": "",
            "HTTP_AUTHORIZATION": f"Bearer {hostile.token_of(fan)}",
        },
    )
    assert status == 400
    assert json.loads(content)["code"] == "validation_failed"
    assert given["CONTENT_LENGTH"] == str(len(body))


def test_a_layout_may_be_uploaded_and_nothing_else_is_as_long():
    assert limit_of(LAYOUT) > MAX_BYTES
    assert limit_of(LAYOUT + "x") < MAX_BYTES
    assert limit_of("/admin/concerts/concert/add/") == 1024 * 1024
    for path in (HOLDS, "/", "/api/v1" + LAYOUT, "/_allauth/app/v1/auth/login"):
        assert limit_of(path) == django_settings.BODY_LIMIT == 64 * 1024


def test_every_line_of_the_table_is_about_a_path_there_is():
    known = [
        "/api/v1/checkins/batch/",
        reverse("door_documents:batch", args=[uuid7()]),
        LAYOUT,
        reverse("admin:concerts_concert_poster", args=[uuid7()]),
        reverse("boxoffice:layout", args=[uuid7()]),
        reverse("boxoffice:fans"),
        reverse("admin:concerts_concert_add"),
    ]
    for (pattern, _), path in zip(django_settings.BODY_LIMITS, known, strict=True):
        assert re.fullmatch(pattern, path)


def test_the_parser_keeps_the_limit_too_where_nothing_stands_in_front(as_fan, fan):
    answer = as_fan(fan).post(HOLDS, b" " * 70_000, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


BAD = {
    "wrong seats": b'{"performance_id":"x","seat_ids":[' + b",".join([b"1"] * 4_000) + b"]}",
    "few wrong seats": b'{"performance_id":"x","seat_ids":[' + b",".join([b"1"] * 9) + b"]}",
    "unknown members": b"{" + b",".join(b'"k%d":1' % n for n in range(4_000)) + b"}",
    "long names": json.dumps({f"{'가' * 500}{n}": 1 for n in range(12)}).encode(),
    "control characters": json.dumps({f"{chr(1) * 300}{n}": 1 for n in range(30)}).encode(),
    "a long value": json.dumps({"method": "나" * 10_000, "reservation_id": "x"}).encode(),
    "a long id": json.dumps({"performance_id": "x" * 60_000, "seat_ids": ["y"]}).encode(),
    "long objects": json.dumps({"best_available": {"z" * 30_000: 1}}).encode(),
    "too many": b'{"seat_ids":[' + b",".join([b"[]"] * 30_000)[:60_000] + b"]}",
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_an_answer_to_a_bad_body_is_short(operation: Operation, what, caller):
    for language in ("ko", "en"):
        answer = caller.send(
            operation.method,
            operation.url(),
            BAD[what],
            headers={"Accept-Language": language, "Idempotency-Key": str(uuid7())},
        )
        assert answer.status_code == 400
        assert len(answer.content) <= MOST_BYTES_OUT
        assert len(json.loads(answer.content).get("errors", ())) <= 20


def test_an_answer_is_short_whatever_the_path():
    for path in (
        "/api/v1/" + "x" * 8000,
        "/api/v1/" + "%01" * 4000,
        "/api/v1/" + "%ED%95%9C" * 900,
    ):
        answer = Caller(None).send("GET", path)
        assert code_of(answer) == (404, "not_found")
        assert len(answer.content) <= MOST_BYTES_OUT
