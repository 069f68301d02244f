"""Retries are few, only of errors that may be repeated, and a process has a budget of them."""

import pytest
import stamina

from kernel.outbound.retries import RetryBudget, retrying


@pytest.fixture(autouse=True)
def _without_waiting():
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


class Service:
    def __init__(self, *errors):
        self.errors, self.calls = list(errors), 0

    def __call__(self):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "well"


def test_a_call_is_made_again_until_it_succeeds():
    service = Service(ConnectionError(), ConnectionError())
    assert retrying(service, on=(ConnectionError,), budget=RetryBudget()) == "well"
    assert service.calls == 3


def test_the_last_error_passes():
    service = Service(*[ConnectionError(str(number)) for number in range(9)])
    with pytest.raises(ConnectionError, match="2"):
        retrying(service, on=(ConnectionError,), budget=RetryBudget())
    assert service.calls == 3


def test_any_other_error_passes_at_once():
    service = Service(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        retrying(service, on=(ConnectionError,), budget=RetryBudget())
    assert service.calls == 1


def calls_of_a_failing_service(budget, callers=100):
    total = 0
    for _ in range(callers):
        service = Service(*[ConnectionError()] * 9)
        with pytest.raises(ConnectionError):
            retrying(service, on=(ConnectionError,), budget=budget)
        total += service.calls
    return total


def test_a_failing_service_is_not_called_three_times_as_often():
    assert calls_of_a_failing_service(RetryBudget(ratio=0.1, capacity=10)) <= 100 + 10 + 10


@pytest.mark.control
def test_without_a_budget_it_is():
    assert calls_of_a_failing_service(RetryBudget(ratio=10, capacity=10)) == 300


def test_a_budget_is_earned_again():
    budget = RetryBudget(ratio=0.5, capacity=1)
    assert (budget.spend(), budget.spend()) == (True, False)
    budget.earn()
    assert not budget.spend()
    budget.earn()
    assert budget.spend()
