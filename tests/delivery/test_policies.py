"""Production's rendered objects keep every rule, and each rule sees what breaks it."""

import pytest

from tests.delivery import broken_plans, network_rules, plan_rules, pod_rules, release_rules
from tests.delivery.broken import BROKEN
from tests.delivery.objects import all_pods, golden
from tests.delivery.rules import RULES

OF_RULES = (pod_rules, network_rules, release_rules, plan_rules, broken_plans)


@pytest.mark.parametrize("name", RULES)
def test_production_keeps(name):
    assert list(RULES[name](golden())) == []


@pytest.mark.control
@pytest.mark.parametrize("name", BROKEN)
def test_a_rule_sees(name):
    rule, breaking = BROKEN[name]
    objects = golden()
    breaking(objects)
    assert list(RULES[rule](objects)) != []


def test_each_rule_has_something_that_breaks_it():
    assert {rule for rule, _ in BROKEN.values()} == RULES.keys()


def test_there_are_pods_to_look_at():
    lasting = [one.component for one in all_pods(golden()) if one.is_lasting]
    assert len(lasting) == len(set(lasting)) == 12
