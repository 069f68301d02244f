"""The public proof of a sale: what it says, and that nobody but the site can have said it."""

import pytest

from kernel import clock
from proof import public
from proof.usecases import audits
from reservations.usecases import sale as sale_use_cases
from tests.support.audited_sale import corrupt, make_sale
from tests.support.catalogue import forget_documents
from tests.support.factories import make_concert, make_performance
from tests.support.verifiers import verifier


@pytest.fixture
def sale(db_ready, gateway):
    forget_documents()
    return make_sale(gateway)


@pytest.fixture
def verify():
    return verifier("proof").verify


def url_of(performance) -> str:
    return f"/api/v1/performances/{performance.pk}/proof/"


def shown(api, performance) -> dict:
    answer = api.get(url_of(performance))
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.fixture
def jwks(api):
    return api.get("/.well-known/jwks.json").json()


def test_everybody_sees_counts_and_checks(api, sale):
    proof = shown(api, sale.performance)
    assert list(proof) == [
        "performance_id",
        "as_of",
        "counts",
        "checks",
        "last_violation",
        "jws",
    ]
    assert proof["counts"] == {
        "seats": 10,
        "available": 4,
        "temporarily_reserved": 2,
        "reserved": 4,
        "blocked": 0,
    }
    assert [one["name"] for one in proof["checks"]] == [one.name for one in public.CHECKS]
    assert {one["passed"] for one in proof["checks"]} == {True}
    assert proof["last_violation"] is None


def test_the_verifier_of_the_documents_accepts_it(api, sale, jwks, verify):
    verify(shown(api, sale.performance), jwks)


@pytest.mark.control
@pytest.mark.parametrize("change", ["counts", "moment", "signature", "another sale's", "no key"])
def test_what_anybody_changed_is_refused(api, sale, jwks, verify, change):
    proof = shown(api, sale.performance)
    if change == "counts":
        proof["counts"]["available"] += 1
        proof["counts"]["seats"] += 1
    elif change == "moment":
        proof["as_of"] = "2030-01-01T00:00:00.000Z"
    elif change == "signature":
        head, _, signature = proof["jws"].rpartition(".")
        proof["jws"] = f"{head}.{signature[::-1]}"
    elif change == "another sale's":
        proof["jws"] = shown(api, make_performance(seats=2))["jws"]
    else:
        jwks["keys"] = [key for key in jwks["keys"] if key["frontrow_use"] != "proof"]
    with pytest.raises(ValueError, match="sign"):
        verify(proof, jwks)


def test_a_check_that_fails_is_shown_and_the_row_is_not(api, sale, jwks, verify):
    corrupt("DELETE FROM payments_payment WHERE reservation_id = %s", sale.by_points.id)
    audits.watch(now=clock.now())
    proof = shown(api, sale.performance)
    assert [one["name"] for one in proof["checks"] if not one["passed"]] == ["sales_are_paid"]
    assert proof["last_violation"]["check"] == "sales_are_paid"
    assert proof["last_violation"]["halt_lifted_at"] is None
    assert str(sale.by_points.id) not in str(proof)
    with pytest.raises(ValueError, match="failed"):
        verify(proof, jwks)


def test_a_halt_of_staff_is_no_violation(api, sale):
    sale_use_cases.halt(
        performance_id=sale.performance.pk, reason="rain", actor_id=None, now=clock.now()
    )
    assert shown(api, sale.performance)["last_violation"] is None


def test_a_performance_that_is_not_public_has_none(api, db_ready):
    hidden = make_performance(seats=2, concert=make_concert(published=False))
    answer = api.get(url_of(hidden))
    assert (answer.status_code, answer.json()["code"]) == (404, "performance_not_found")


def test_it_is_built_once_for_everybody(api, sale):
    first = shown(api, sale.performance)
    corrupt("UPDATE reservations_salepolicy SET max_seats_per_fan = 1")
    assert shown(api, sale.performance) == first
    answer = api.get(url_of(sale.performance))
    again = api.get(url_of(sale.performance), headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, answer["Cache-Control"]) == (304, "public, max-age=10")
