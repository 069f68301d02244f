"""Failures become problem documents, in one place."""

from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.http import Http404
from psycopg import errors as pg
from rest_framework import exceptions

from kernel.errors import DomainError, Kind
from kernel.http.exception_handler import handle
from kernel.http.problem import CONTENT_TYPE, STATUS
from kernel.redis.breaker import DependencyUnavailable


class Taken(DomainError):
    code = "taken_in_test"
    kind = Kind.CONFLICT
    message = "Taken."


del DomainError.registry[Taken.code]  # no error of the product, so in none of its documents


def answer(error):
    return handle(error, {"request": SimpleNamespace(path="/api/v1/x/")})


def caused_by(cause):
    error = OperationalError("x")
    error.__cause__ = cause
    return error


def test_every_kind_has_a_status():
    assert set(STATUS) == set(Kind)


def test_a_domain_error_carries_its_code_and_extras():
    response = answer(Taken(seat_ids=["a"]))
    assert response.status_code == 409
    assert response.content_type == CONTENT_TYPE
    assert response.data["code"] == "taken_in_test"
    assert response.data["seat_ids"] == ["a"]
    assert response.data["instance"] == "/api/v1/x/"


@pytest.mark.parametrize(
    "cause", [pg.DeadlockDetected(), pg.LockNotAvailable(), pg.QueryCanceled()]
)
def test_a_lock_that_was_not_had_means_try_again(cause):
    response = answer(caused_by(cause))
    assert (response.status_code, response.data["code"]) == (503, "busy")
    assert response.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "error", [caused_by(pg.AdminShutdown()), DependencyUnavailable("redis_queue")]
)
def test_a_part_that_is_away_means_nothing_was_changed(error):
    response = answer(error)
    assert (response.status_code, response.data["code"]) == (503, "service_unavailable")
    assert "Retry-After" in response.headers


def test_validation_errors_point_into_the_body():
    detail = {"seat_ids": {0: ["Bad."]}, "a/b~c": ["No."], "non_field_errors": ["All wrong."]}
    response = answer(exceptions.ValidationError(detail))
    assert response.status_code == 400
    assert response.data["code"] == "validation_failed"
    assert response.data["errors"] == [
        {"pointer": "/seat_ids/0", "detail": "Bad."},
        {"pointer": "/a~1b~0c", "detail": "No."},
        {"pointer": "", "detail": "All wrong."},
    ]


def test_errors_in_a_list_keep_their_index():
    response = answer(exceptions.ValidationError({"seats": [{}, {"id": ["Bad."]}]}))
    assert response.data["errors"] == [{"pointer": "/seats/1/id", "detail": "Bad."}]


def test_an_unknown_thing_is_not_found():
    assert answer(Http404()).data["code"] == "not_found"


def test_being_throttled_says_how_long():
    response = answer(exceptions.Throttled(wait=1.2))
    assert response.data["code"] == "rate_limited"
    assert response.headers["Retry-After"] == "2"


def test_a_defect_is_not_dressed_up():
    assert answer(ZeroDivisionError()) is None
