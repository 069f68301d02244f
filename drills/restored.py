"""What a restored server has, beside what was read and recorded before the moment."""

from dataclasses import dataclass, field
from typing import Any

from drills.archiving_site import ArchivingSite, ExposureWatch
from drills.drill import DrillRun
from proof.history.recorded import OK, History
from stack.backups.restoring import RestoredCluster

PRICES = "SELECT id, price FROM concerts_pricegrade ORDER BY id"
KEYS = "SELECT request_key, md5(body) FROM idempotency_record WHERE state = 'FINISHED'"
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
    charge: str = ""  # before it
    later_order: str = ""  # of the gateway: money that it took after the moment
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


def reconcile(run: DrillRun, site: ArchivingSite, known: KnownState) -> None:
    """The audit on the restored server names the money that the gateway took after the moment."""
    audit = site.audit()
    unknown = {
        found["subject"]
        for one in audit["checks"]
        if one["check"] == "gateway_took_nothing_else"
        for found in one["violations"]
    }
    _expect(run, "orders of the gateway without a row", {f"order:{known.later_order}"}, unknown)


def _expect(run: DrillRun, what: str, wanted: set[str], found: set[str]) -> None:
    if wanted != found:
        some = sorted(wanted ^ found)[:3]
        run.broken.append(f"{what}: {len(wanted)} expected, {len(found)} found, as {some}")
