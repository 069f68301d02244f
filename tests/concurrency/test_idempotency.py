"""One execution per key, whatever arrives at once; with the control that takes the key away."""

import re
import threading

import pytest
from django.db import connections
from django.urls import path
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from idempotency.api import idempotent
from idempotency.models import Record
from idempotency.usecases import leases
from idempotency.values import Lease, StoredResponse
from kernel import clock
from kernel.caller import Caller
from kernel.ids import uuid7
from tests.support.concurrency import at_once
from tests.support.leases import finish

pytestmark = pytest.mark.concurrency

CLIENTS = 32


class Probe(APIView):
    """Counts its executions; each waits until the test lets it end."""

    executions: list
    may_end: threading.Event

    @idempotent(required=True)
    def post(self, request):
        self.executions.append(request.idempotency)
        assert self.may_end.wait(10)
        return Response({"id": str(request.idempotency.resource_id)}, status=201)


@pytest.fixture
def probe():
    Probe.executions, Probe.may_end = [], threading.Event()
    return Probe


CALLER = Caller(uuid7())
ROUTE = path("probe/", Probe.as_view())


def send(body=None) -> Response:
    request = APIRequestFactory().post(
        "/probe/", body or {"a": 1}, format="json", headers={"Idempotency-Key": "the-one-key"}
    )
    request.resolver_match = ROUTE.resolve("probe/")
    force_authenticate(request, CALLER)
    return Probe.as_view()(request)


def in_the_background(outcomes: list) -> threading.Thread:
    def run() -> None:
        try:
            outcomes.append(send())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_only_one_of_many_executes_and_the_others_hear_of_it(probe):
    outcomes: list = []
    first = in_the_background(outcomes)
    while not probe.executions:
        assert first.is_alive()
    others = at_once([send] * CLIENTS)
    assert {answer.status_code for answer in others} == {409}
    assert {answer.data["code"] for answer in others} == {"idempotency_in_progress"}
    probe.may_end.set()
    first.join(10)
    replays = at_once([send] * CLIENTS)
    assert [answer.status_code for answer in outcomes + replays] == [201] * (CLIENTS + 1)
    assert {answer.data["id"] for answer in outcomes + replays} == {
        str(probe.executions[0].resource_id)
    }
    assert len(probe.executions) == 1


def test_of_many_that_start_together_one_executes(probe):
    probe.may_end.set()
    answers = at_once([send] * CLIENTS)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(probe.executions) == 1
    assert Record.objects.get().attempt == 1


def test_a_lapsed_lease_is_taken_over_by_one(probe):
    probe.may_end.set()
    send()
    Record.objects.update(state="RUNNING", status=None, lease_until="2000-01-01T00:00Z")
    at_once([send] * CLIENTS)
    first, second = probe.executions
    assert (first.resumed, second.resumed) == (False, True)
    assert (first.fence, second.fence) == (1, 2)
    assert first.resource_id == second.resource_id


@pytest.fixture
def without_unique_key(monkeypatch):
    """Claim as if there were no unique key: every claim is a new row."""
    plain = re.sub(r"ON CONFLICT.*?(?=RETURNING)", "", leases._CLAIM, flags=re.DOTALL)
    plain = re.sub(
        r"RETURNING.*",
        "RETURNING request_key, true, false, attempt, resource_id, body_hash, status, body,"
        " headers",
        plain,
        flags=re.DOTALL,
    )
    monkeypatch.setattr(leases, "_CLAIM", plain)
    with connections["idempotency"].cursor() as cursor:
        cursor.execute("ALTER TABLE idempotency_record DROP CONSTRAINT idempotency_record_pkey")
    yield
    Record.objects.all().delete()
    with connections["idempotency"].cursor() as cursor:
        cursor.execute("ALTER TABLE idempotency_record ADD PRIMARY KEY (request_key)")


@pytest.mark.control
def test_control_without_the_unique_key_every_request_executes(probe, without_unique_key):
    probe.may_end.set()
    answers = at_once([send] * CLIENTS)
    assert {answer.status_code for answer in answers} == {201}
    assert len(probe.executions) == CLIENTS


@pytest.mark.control
def test_control_without_the_fence_a_slow_owner_overwrites_the_answer(monkeypatch):
    key, body = "k" * 64, "b" * 64
    now = clock.now()
    slow = leases.claim(request_key=key, body_hash=body, now=now)
    quick = leases.claim(request_key=key, body_hash=body, now=now + leases.policy.LEASE)
    forged = Lease(slow.request_key, slow.resource_id, quick.fence, resumed=False)
    assert finish(slow, response=StoredResponse(201, '"slow"')) is False
    assert finish(forged, response=StoredResponse(201, '"slow"')) is True
    assert Record.objects.get().body == '"slow"'
