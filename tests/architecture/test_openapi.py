"""The published interface is the contract's: nothing missing, nothing extra, nothing unsaid."""

import re

import pytest
from django.urls import LocalePrefixPattern, URLResolver, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

# The contract's operations, as far as they are built.
OPERATIONS = """
    GET    /api/v1/concerts/
    GET    /api/v1/concerts/{}/
    GET    /api/v1/concerts/{}/performances/
    GET    /api/v1/performances/{}/
    GET    /api/v1/performances/{}/seatmap/
    GET    /api/v1/performances/{}/seatmap/outline/
    GET    /api/v1/performances/{}/availability/
    GET    /api/v1/performances/{}/availability/stream/
    GET    /api/v1/performances/{}/seats/
    GET    /api/v1/performances/{}/proof/
    GET    /api/v1/performances/{}/draw/
    GET    /api/v1/performances/{}/draw/roster/
    GET    /api/v1/performances/{}/queue/
    POST   /api/v1/performances/{}/queue/
    GET    /api/v1/performances/{}/queue/stream/
    GET    /api/v1/performances/{}/queue/me/
    DELETE /api/v1/performances/{}/queue/me/
    GET    /api/v1/me/
    PATCH  /api/v1/me/
    DELETE /api/v1/me/
    GET    /api/v1/reservations/
    POST   /api/v1/reservations/
    GET    /api/v1/reservations/{}/
    DELETE /api/v1/reservations/{}/
    POST   /api/v1/reservations/{}/extend/
    GET    /api/v1/reservations/{}/tickets/
    GET    /api/v1/tickets/
    GET    /api/v1/tickets/{}/
    GET    /api/v1/tickets/{}.pdf
    GET    /api/v1/tickets/{}.ics
    POST   /api/v1/checkins/
    DELETE /api/v1/checkins/{}/
    POST   /api/v1/checkins/batch/
    GET    /api/v1/performances/{}/admission-list/
    GET    /api/v1/webhook-endpoints/
    POST   /api/v1/webhook-endpoints/
    GET    /api/v1/webhook-endpoints/{}/
    PATCH  /api/v1/webhook-endpoints/{}/
    DELETE /api/v1/webhook-endpoints/{}/
    POST   /api/v1/webhook-endpoints/{}/rotate-secret/
    POST   /api/v1/webhook-endpoints/{}/ping/
    GET    /api/v1/webhook-endpoints/{}/deliveries/
    POST   /api/v1/webhook-endpoints/{}/deliveries/{}/replay/
    GET    /api/v1/points/
    GET    /api/v1/points/entries/
    POST   /api/v1/points/charges/
    GET    /api/v1/points/charges/{}/
    POST   /api/v1/points/charges/{}/confirm/
    POST   /api/v1/payments/
    GET    /api/v1/payments/{}/
    POST   /api/v1/payments/{}/abandon/
    POST   /api/v1/payments/{}/confirm/
    POST   /api/v1/payments/{}/offer/accept/
    POST   /api/v1/payments/{}/offer/decline/
    POST   /api/v1/webhooks/payments/
    GET    /api/v1/reservations/{}/cancellation/
    POST   /api/v1/reservations/{}/cancel/
"""
PUBLIC = re.compile(
    r"GET +/api/v1/(concerts/.*|performances/\{\}/(?!queue/me|admission-list).*)"
    r"|POST +/api/v1/webhooks/payments/"
)
# Addresses beside the API, each with its own form.
OTHERS = {
    "account/token/",  # of pages, with their cookie
    "door/performances/<uuid:performance_id>/",  # of a gate, under the session of staff
    "docs/errors",
    "docs/events/<str:event_type>.json",
    "healthz/live",
    "healthz/ready",
    "healthz/startup",
    "metrics",
    "media/<path:name>",  # pictures
    "files/<str:token>",  # what a signed link shows
    ".well-known/jwks.json",
    "admin/",
    "payments/bridge/<str:link>/",  # a page
    "api/schema/",
    "api/docs/",
    "api/docs/script.js",
    "api/redoc/",
    "_allauth/openapi.yaml",
    "_allauth/openapi.json",
    "_allauth/openapi.html",
    "_allauth/",
}


@pytest.fixture(scope="module")
def schema() -> dict:
    GENERATOR_STATS.reset()
    return SchemaGenerator().get_schema(request=None, public=True)


def wanted() -> set[str]:
    return {" ".join(line.split()) for line in OPERATIONS.strip().splitlines()}


def operations(schema: dict) -> dict[str, dict]:
    return {
        f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/api/v1/")
    }


def test_the_operations_are_those_of_the_contract(schema):
    assert set(operations(schema)) == wanted()


def test_no_address_is_left_out_of_the_document():
    served = {
        str(pattern.pattern)
        for pattern in get_resolver().url_patterns
        if not (isinstance(pattern, URLResolver) and str(pattern.pattern) in {"", "api/v1/"})
        and not isinstance(pattern.pattern, LocalePrefixPattern)  # pages
    }
    nested = {
        str(inner.pattern)
        for pattern in get_resolver().url_patterns
        if isinstance(pattern, URLResolver) and str(pattern.pattern) == ""
        for inner in pattern.url_patterns
    }
    assert served | nested == OTHERS


def test_the_document_is_made_without_a_warning(schema):
    assert [*GENERATOR_STATS._error_cache, *GENERATOR_STATS._warn_cache] == []


def test_every_operation_is_explained(schema):
    unsaid = [
        name
        for name, operation in operations(schema).items()
        if not (operation.get("summary") or operation.get("description"))
        or not operation.get("tags")
        or not operation.get("operationId")
    ]
    assert unsaid == []


def test_every_operation_has_a_summary_in_english(schema):
    summaries = {name: found.get("summary", "") for name, found in operations(schema).items()}
    wrong = {name for name, text in summaries.items() if not re.fullmatch(r"[ -~]{8,100}", text)}
    assert wrong == set()
    assert len(set(summaries.values())) == len(summaries)


def test_a_login_is_asked_for_where_the_contract_says_so(schema):
    public = {
        name
        for name, operation in operations(schema).items()
        if not any(operation.get("security", []))
    }
    assert public == {name for name in wanted() if PUBLIC.fullmatch(name)}


def test_the_join_token_is_enough_for_a_poll_and_for_nothing_else(schema):
    alone = {
        name
        for name, operation in operations(schema).items()
        if {"joinToken": []} in operation.get("security", [])
    }
    assert alone == {"GET /api/v1/performances/{}/queue/me/"}


def test_every_refusal_is_a_problem_document(schema):
    for name, operation in operations(schema).items():
        refusals = {s: r for s, r in operation["responses"].items() if s >= "400"}
        assert refusals, name
        for status, response in refusals.items():
            assert list(response["content"]) == ["application/problem+json"], (name, status)


def test_the_key_is_required_where_money_moves(schema):
    keys = {
        name: parameter.get("required", False)
        for name, operation in operations(schema).items()
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "Idempotency-Key"
    }
    assert keys == {
        "POST /api/v1/payments/": True,
        "POST /api/v1/payments/{}/confirm/": True,
        "POST /api/v1/payments/{}/offer/accept/": True,
        "POST /api/v1/payments/{}/offer/decline/": True,
        "POST /api/v1/points/charges/": True,
        "POST /api/v1/points/charges/{}/confirm/": True,
        "POST /api/v1/reservations/": False,
        "POST /api/v1/reservations/{}/cancel/": True,
    }
