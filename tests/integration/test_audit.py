"""The audit as operators and beat run it: what it reads, what it says, and what it halts."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import InternalError, connections

from kernel import clock
from kernel.redis.breaker import DependencyUnavailable
from proof import auditing, metrics, policy
from proof.findings import AuditScope
from proof.snapshot import snapshot
from proof.tasks import watch as watch_task
from proof.usecases import audits
from reservations.claims import seat_claims
from reservations.models import SaleHalt
from reservations.usecases import sale as sale_use_cases
from reservations.usecases.holds import SalePaused
from tests.support.audited_sale import AuditedSale, corrupt, make_sale
from tests.support.factories import make_performance, make_user
from tests.support.gateways import Fault
from tests.support.holding import place


@pytest.fixture
def sale(db_ready, gateway) -> AuditedSale:
    return make_sale(gateway)


def run_command(*arguments: str) -> tuple[int, str]:
    """Return the exit code and what was printed."""
    printed = io.StringIO()
    try:
        call_command("audit", *arguments, stdout=printed, stderr=io.StringIO())
    except CommandError as error:
        return error.returncode, printed.getvalue()
    return 0, printed.getvalue()


def spoil(sale: AuditedSale) -> None:
    """Sell a seat that nobody has bought."""
    corrupt("DELETE FROM payments_payment WHERE reservation_id = %s", sale.by_points.id)


# --- the command


def test_a_clean_site_exits_with_0_and_says_what_was_looked_at(sale):
    code, printed = run_command("--json")
    report = json.loads(printed)
    assert (code, report["outcome"]) == (0, "clean")
    assert {one["failure"] for one in report["checks"]} == {None}
    assert sum(one["looked_at"] for one in report["checks"]) > 20


def test_a_violation_exits_with_1_and_names_the_row(sale):
    spoil(sale)
    code, printed = run_command("--json")
    report = json.loads(printed)
    assert (code, report["outcome"]) == (1, "violated")
    [check] = [one for one in report["checks"] if one["violations"]]
    assert check["check"] == "sales_are_paid"
    [violation] = check["violations"]
    assert violation["subject"] == f"reservation:{sale.by_points.id}"
    assert violation["performance_id"] == str(sale.performance.pk)
    code, printed = run_command()
    assert code == 1
    assert f"reservation:{sale.by_points.id}" in printed


def test_a_store_that_is_away_exits_with_2_and_the_rest_is_checked(sale, gateway, monkeypatch):
    def away(**_):
        raise DependencyUnavailable("redis_lock")

    monkeypatch.setattr(seat_claims, "find_many", away)
    code, printed = run_command("--json")
    report = json.loads(printed)
    assert (code, report["outcome"]) == (2, "incomplete")
    failed = {one["check"] for one in report["checks"] if one["failure"]}
    assert failed == {"claims_agree"}


def test_a_gateway_that_is_not_reached_is_no_violation(sale, gateway):
    gateway.fail("find", *[Fault.NOT_SENT] * 10)
    code, printed = run_command("--json")
    failed = {one["check"] for one in json.loads(printed)["checks"] if one["failure"]}
    assert (code, failed) == (2, {"gateway_agrees"})


def test_a_violation_counts_more_than_a_store_that_is_away(sale, gateway):
    spoil(sale)
    gateway.fail("find", *[Fault.NOT_SENT] * 10)
    assert run_command()[0] == 1


def test_one_check_that_fails_leaves_the_snapshot_to_the_others(sale, monkeypatch):
    monkeypatch.setattr("proof.checks.seats._HELD", "SELECT 1 / 0")
    code, printed = run_command("--json")
    failed = {one["check"] for one in json.loads(printed)["checks"] if one["failure"]}
    assert (code, failed) == (2, {"holds_end"})


def test_an_audit_of_one_performance_leaves_the_others_out(sale):
    other = make_performance(seats=2)
    spoil(sale)
    assert run_command("--performance", str(other.pk))[0] == 0
    assert run_command("--performance", str(sale.performance.pk))[0] == 1


def test_a_performance_that_does_not_exist_could_not_be_looked_at(db_ready):
    assert run_command("--performance", "01900000-0000-7000-8000-000000000000")[0] == 2


def test_the_time_to_settle_can_be_shortened(sale):
    corrupt("UPDATE events_outboxevent SET published_at = NULL, created_at = now()")
    assert run_command()[0] == 0
    assert run_command("--settled-after", "0")[0] == 1


def test_batches_are_bounded_and_together_see_everything(sale, monkeypatch):
    monkeypatch.setattr(policy, "KEYS_PER_BATCH", 2)
    seen: dict[str, list[int]] = {}

    def progress(check: str, looked_at: int) -> None:
        seen.setdefault(check, []).append(looked_at)

    report = audits.audit(AuditScope(), now=clock.now(), progress=progress)
    assert report.outcome == "clean"
    assert seen["points_of_payments_moved"] == [2, 4]
    assert seen["balances_are_sums"] == [2, 4, 5]


def test_no_more_examples_than_people_read(sale, monkeypatch):
    monkeypatch.setattr(policy, "EXAMPLES", 3)
    corrupt("UPDATE points_account SET balance = balance + 1 WHERE user_id IS NOT NULL")
    report = audits.audit(AuditScope(), now=clock.now(), progress=lambda check, looked_at: None)
    assert len(report.violations) == 3


# --- the snapshot


def test_a_snapshot_shows_one_moment_and_writes_nothing(sale):
    count = "SELECT count(*) FROM points_account"
    with snapshot(using="default", now=clock.now()) as as_of:
        with connections["default"].cursor() as cursor:
            cursor.execute(count)
            before = cursor.fetchone()
            fan = _in_another_thread(make_user)
            cursor.execute("SELECT count(*) FROM accounts_user WHERE id = %s", [fan.pk])
            assert cursor.fetchone() == (0,)
            cursor.execute(count)
            assert cursor.fetchone() == before
        assert as_of >= clock.now() - timedelta(seconds=60)
    with (
        pytest.raises(InternalError),
        snapshot(using="default", now=clock.now()),
        connections["default"].cursor() as cursor,
    ):
        cursor.execute("DELETE FROM reservations_salehalt")


def _in_another_thread(work):
    def alone():
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(alone).result()


# --- each minute


def watch() -> audits.Watched:
    return audits.watch(now=clock.now())


def halts(sale: AuditedSale) -> list[SaleHalt]:
    return list(SaleHalt.objects.filter(performance=sale.performance).order_by("pk"))


def test_a_sale_without_money_is_halted_and_staff_see_why(sale):
    assert watch().halted_for == ()
    spoil(sale)
    [violation] = watch().halted_for
    [halt] = halts(sale)
    assert halt.reason.startswith("[audit sales_are_paid reservation:")
    assert str(sale.by_points.id) in halt.reason
    with pytest.raises(SalePaused):
        place(make_user(), sale.performance, [sale.free])
    assert violation.performance_id == sale.performance.pk


def test_who_lifts_the_halt_has_decided(sale):
    spoil(sale)
    watch()
    assert watch().halted_for == ()
    sale_use_cases.resume(
        performance_id=sale.performance.pk, reason="seen", actor_id=None, now=clock.now()
    )
    assert watch().halted_for == ()
    assert place(make_user(), sale.performance, [sale.free])
    corrupt("UPDATE points_account SET balance = balance + 1 WHERE id = %s", sale.by_card.user_id)
    [other] = watch().halted_for
    assert other.check == "balances_are_sums"
    assert [halt.lifted_at is None for halt in halts(sale)] == [False, True]


@pytest.fixture
def healed_between(monkeypatch):
    """Correct the corrupted row between the first snapshot and the second."""
    run = auditing.run

    def healing(scope, **options):
        report = run(scope, **options)
        if report.violations:
            corrupt("UPDATE points_account SET balance = balance - 1 WHERE balance %% 10 = 1")
        return report

    monkeypatch.setattr(auditing, "run", healing)


def test_what_a_second_snapshot_does_not_show_halts_nothing(sale, healed_between):
    corrupt("UPDATE points_account SET balance = balance + 1 WHERE id = %s", sale.buyer.pk)
    seen = watch()
    assert {one.check for one in seen.report.violations} == {"balances_are_sums"}
    assert (seen.halted_for, halts(sale)) == ((), [])


@pytest.mark.control
def test_control_without_the_second_snapshot_it_halts(sale, healed_between, monkeypatch):
    monkeypatch.setattr(audits, "_confirmed", lambda report, scope, now: report.violations)
    corrupt("UPDATE points_account SET balance = balance + 1 WHERE id = %s", sale.buyer.pk)
    watch()
    assert len(halts(sale)) == 1


def test_differences_between_stores_alert_and_halt_nothing(sale):
    corrupt(
        "UPDATE events_outboxevent SET published_at = NULL, created_at = now() - interval '1 day'"
    )
    corrupt(
        "UPDATE payments_payment SET status = 'UNKNOWN', requested_at = now() - interval '1 day'"
        " WHERE id = %s",
        sale.attempt.pk,
    )
    seen = watch()
    assert {one.check for one in seen.report.violations} == {
        "events_are_published",
        "outcomes_become_known",
    }
    assert (seen.halted_for, halts(sale)) == ((), [])


def test_metrics_say_what_the_last_audit_found(sale):
    def violations() -> float:
        return metrics.violations.labels("sales_are_paid")._value.get()

    watch_task()
    assert violations() == 0
    finished = metrics.finished_at._value.get()
    assert finished >= clock.now().timestamp() - 60
    halted = metrics.audit_halts._value.get()
    spoil(sale)
    watch_task()
    assert violations() == 1
    assert metrics.audit_halts._value.get() == halted + 1


def test_every_performance_has_its_turn_however_quiet_it_is(sale, monkeypatch):
    monkeypatch.setattr(policy, "RECENT", timedelta(0))
    quiet = [make_performance(seats=2) for _ in range(2)]
    corrupt(
        "UPDATE reservations_seatinventory SET index = index + 500 WHERE performance_id = ANY(%s)",
        [one.pk for one in quiet],
    )
    now, seen = clock.now(), set()
    for minute in range(3):
        found = audits.watch(now=now + timedelta(minutes=minute)).report.violations
        assert len({one.performance_id for one in found}) <= 1
        seen |= {one.performance_id for one in found}
    assert seen == {one.pk for one in quiet}


def test_one_minute_looks_at_a_bounded_number_of_performances(sale, monkeypatch):
    monkeypatch.setattr(policy, "PERFORMANCES_A_MINUTE", 2)
    for _ in range(4):
        performance = make_performance(seats=2)
        seat = performance.inventory.order_by("index").first()
        place(make_user(), performance, [seat.seat_id])
    looked_at = {one.check: one.looked_at for one in watch().report.results}
    assert 2 <= looked_at["seat_has_one_owner"] <= 3
