"""Every check of an audit has a control; here those of checks that need another server."""

from io import StringIO

import httpx
import pytest
from django.core.management import call_command

from proof.checks import CHECKS
from proof.findings import AuditReport
from tests.integration import test_audit_checks as of_rows
from tests.integration.test_events_letters_command import events, put_letter
from tests.support.audited_sale import audited, found
from tests.support.consuming import own_topic
from tests.support.desks import built_by_settings
from tests.support.sandbox import SECRET, Sandbox, new_order_id
from tests.support.waiting import await_that


def audited_by(name: str) -> AuditReport:
    return audited(checks=[one for one in CHECKS if one.name == name])


@pytest.fixture
def sandbox(tmp_path, settings, db_ready):
    """A gateway that lists what it took, in use by the product."""
    with Sandbox(tmp_path) as server, built_by_settings():
        settings.PAYMENT_GATEWAY = "sandbox"
        settings.PAYMENT_GATEWAY_URL, settings.PAYMENT_GATEWAY_SECRET = server.url, SECRET
        yield server


@pytest.mark.control
def test_money_of_an_order_that_we_do_not_know_is_found(sandbox):
    check = "gateway_took_nothing_else"
    assert found(audited_by(check)) == set()
    order = {"orderId": new_order_id(), "amount": 50_000}
    with httpx.Client(base_url=sandbox.url, auth=(SECRET, ""), trust_env=False) as desk:
        agreed = desk.post("/v1/sandbox/approvals", json=order).raise_for_status().json()
        assert found(audited_by(check)) == set()  # nothing is taken yet
        confirm = order | {"paymentKey": agreed["paymentKey"]}
        desk.post("/v1/payments/confirm", json=confirm).raise_for_status()
    [violation] = audited_by(check).violations
    assert violation.subject == f"order:{order['orderId']}"
    assert "captured 50000" in violation.detail
    call_command("payments", "give-back", order["orderId"], "--reason", "x", stdout=StringIO())
    assert found(audited_by(check)) == set()


def test_a_list_that_can_not_be_read_is_said(sandbox):
    sandbox.kill()
    report = audited_by("gateway_took_nothing_else")
    assert (report.outcome, len(report.failures)) == ("incomplete", 1)
    sandbox.start()


@pytest.mark.control
@pytest.mark.kafka
@pytest.mark.parametrize("end", ["drop", "replay"])
def test_a_dead_letter_that_nobody_has_settled_is_found(kafka, settings, db_ready, end):
    check, topic = "dead_letters_are_settled", own_topic(settings)
    settings.EVENT_TOPICS = [topic]
    await_that(lambda: not audited_by(check).failures, "the broker leads the topic that it made")
    assert found(audited_by(check)) == set()
    put_letter(kafka, topic)
    [violation] = audited_by(check).violations
    assert "ValueError('bad')" in violation.detail
    if end == "drop":
        events("dead", "drop", "--topic", topic, "--reason", "a defect, mended")
    else:
        events("replay", "--topic", topic, "--reason", "mended")
    assert found(audited_by(check)) == set()


# What no corrupted row of PostgreSQL shows.
CONTROLS = {
    "claims_agree": of_rows.test_a_claim_that_postgresql_contradicts_is_found,
    "gateway_agrees": of_rows.test_a_gateway_that_says_otherwise_is_found,
    "gateway_took_nothing_else": test_money_of_an_order_that_we_do_not_know_is_found,
    "dead_letters_are_settled": test_a_dead_letter_that_nobody_has_settled_is_found,
}


def test_every_check_has_a_control():
    of_corruptions = set().union(*(wanted for _, wanted in of_rows.CORRUPTIONS))
    assert {one.name for one in CHECKS} == of_corruptions | CONTROLS.keys()
    for control in CONTROLS.values():
        assert "control" in {mark.name for mark in control.pytestmark}
