"""The way from an empty performance to an open sale: the check list, each line with its page."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from boxoffice.performances import Listed
from reservations import queries
from reservations.queries import Check


@dataclass(frozen=True, slots=True)
class PreparationStep:
    """A line of the check list, and where what is missing is mended; None: on this page."""

    check: Check
    url: str | None


def steps(one: Listed, *, now: datetime) -> list[PreparationStep]:
    """Return the check list of a performance in the order of the work.

    What is on sale need not be off sale: that line asks nothing any more.
    """
    performance_id: UUID = one.sale.performance.pk
    checks = queries.sale_checks(performance_id=performance_id, now=now)
    asked = [check for check in checks if not _is_over(check, one)]
    return [PreparationStep(check, _url(check.name, one)) for check in asked]


def _is_over(check: Check, one: Listed) -> bool:
    return check.name == "not_on_sale" and one.sale.is_on_sale


def queue_url(one: Listed) -> str:
    """Return where the waiting room is set up: its form in the admin, which adds a missing one."""
    return reverse("admin:queueing_queueconfig_change", args=[one.sale.performance.pk])


def _url(name: str, one: Listed) -> str | None:
    key = one.sale.performance.pk
    if name in ("seats", "layout"):
        return reverse("boxoffice:layout", args=[key])
    if name == "policy":
        return reverse("admin:reservations_salepolicy_change", args=[key])
    if name == "prices":
        return f"{reverse('admin:concerts_pricegrade_changelist')}?performance__id__exact={key}"
    if name in ("published", "not_on_sale"):
        return None
    return reverse("admin:concerts_performance_change", args=[key])
