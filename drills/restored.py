"""What a restored server has, beside what was read and recorded before the moment.

Note [Money after the moment]
The gateway knows no moment: what it took afterwards it has. A charge that was open at the moment is
there as it was, and the reconciler, run on the restored server, settles it by what the gateway
says. Of one that was begun afterwards no row is there: the audit, run behind it, has to name the
order of each such one, and nothing else.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from drills.archiving_site import ArchivingSite, ExposureWatch
from drills.buyer import AMOUNT, BegunCharge
from drills.drill import DrillRun
from proof.history.recorded import OK, History
from proof.rush.rehearsal import RehearsalFailed
from stack.backups.restoring import RestoredCluster

PRICES = "SELECT id, price FROM concerts_pricegrade ORDER BY id"
KEYS = "SELECT request_key, md5(body) FROM idempotency_record WHERE state = 'FINISHED'"
_STATUS = "SELECT status FROM payments_charge WHERE id = '{}'"
_BALANCE = """
    SELECT a.balance FROM points_account a JOIN payments_charge c ON c.user_id = a.user_id
     WHERE c.id = '{}'
"""
_PAID = """
    SELECT p.id, p.reservation_id FROM payments_payment p
      JOIN reservations_reservation r ON r.id = p.reservation_id
     WHERE p.status = 'PAID' AND r.performance_id = '{}'
"""


@dataclass
class KnownState:
    """What was so just before the mistake, and what followed."""

    moment: str = ""
    # It lies between these two, by the clock of the history.
    since: float = 0.0
    until: float = 0.0
    file: str = ""  # of the log, in which the moment lies
    prices: list[Any] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)
    # What a fan bought at the gateway, which has the money of all three: paid before the moment,
    # begun before it and paid after, begun after it.
    paid: BegunCharge | None = None
    open: BegunCharge | None = None
    later: BegunCharge | None = None
    watch: ExposureWatch = field(default_factory=ExposureWatch)


def compare_rows(run: DrillRun, known: KnownState, server: RestoredCluster) -> None:
    """Compare row by row with what was read just before the mistake."""
    prices = [f"{grade}|{price}" for grade, price in known.prices]
    _expect(run, "prices", set(prices), set(server.sql(PRICES, "frontrow")))
    keys = {f"{key}|{digest}" for key, digest in known.keys}
    missing = keys - set(server.sql(KEYS, "idempotency"))
    if missing:
        run.broken.append(f"{len(missing)} rows of the idempotency database are not there")
    run.figures["rows compared"] = len(prices) + len(keys)


def compare_history(
    run: DrillRun, known: KnownState, history: History, server: RestoredCluster
) -> None:
    """What was acknowledged before the moment is there, and nothing that began after it."""
    found = dict(line.split("|") for line in server.sql(_PAID.format(run.performance), "frontrow"))
    paid = [one for one in history.operations if one.op == "pay" and one.outcome == OK]
    before = {one.payment_id: one.reservation_id for one in paid if one.ended < known.since}
    began = {
        one.reservation_id
        for one in history.operations
        if one.op == "pay" and one.invoked <= known.until
    }
    run.figures["payments compared"] = len(before)
    gone = before.items() - found.items()
    later = set(found.values()) - began
    if gone:
        run.broken.append(f"{len(gone)} payments of before the moment are not there as they were")
    if later:
        run.broken.append(f"{len(later)} payments are there that began after the moment")
    if not before or len(paid) == len(before):
        run.broken.append("nothing was paid before the moment, or nothing after it")


def reconcile(
    run: DrillRun, site: ArchivingSite, known: KnownState, server: RestoredCluster
) -> None:
    """Run reconciler and audit on the restored server: Note [Money after the moment]."""
    assert known.open
    assert known.later
    _expect(run, "the open charge before", {"CREATED"}, _said(server, _STATUS, known.open))
    _expect(run, "points before", {f"{AMOUNT}"}, _said(server, _BALANCE, known.open))
    try:
        printed = site.manage("payments", "reconcile", "--json")
    except RehearsalFailed as failed:
        run.broken.append(f"the reconciler: {str(failed).splitlines()[-1]}")
        return
    looked_up = sum(json.loads(line)["looked_up"] for line in printed.splitlines())
    run.figures["looked up by the reconciler"] = looked_up
    _expect(run, "the open charge", {"PAID"}, _said(server, _STATUS, known.open))
    _expect(run, "points", {f"{2 * AMOUNT}"}, _said(server, _BALANCE, known.open))
    _expect(run, "the later charge", set(), _said(server, _STATUS, known.later))
    found = {one["check"]: one for one in site.audit()["checks"]}
    named = {one["subject"] for one in found["gateway_took_nothing_else"]["violations"]}
    _expect(run, "orders without a row", {f"order:{known.later.order_id}"}, named)
    differing = {one["subject"] for one in found["gateway_agrees"]["violations"]}
    _expect(run, "rows that differ from the gateway's", set(), differing)


def _said(server: RestoredCluster, query: str, charge: BegunCharge) -> set[str]:
    return set(server.sql(query.format(charge.id), "frontrow"))


def _expect(run: DrillRun, what: str, wanted: set[str], found: set[str]) -> None:
    if wanted != found:
        some = sorted(wanted ^ found)[:3]
        run.broken.append(f"{what}: {len(wanted)} expected, {len(found)} found, as {some}")
