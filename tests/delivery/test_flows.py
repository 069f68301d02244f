"""The table of ports in docs/infra.md is what the network policies let through, and no more."""

import pytest

from tests.delivery.flow_table import components, rows
from tests.delivery.network_rules import flows
from tests.delivery.objects import COMPONENT, golden, of_kind

# Of every pod, and of the policy that closes all doors.
EVERYBODYS = {"to-dns", "setup", "nobody"}


def _documented():
    """Return for each policy that the table wants its components and ports."""
    wanted = {}
    for name, (who, whom, numbers) in rows().items():
        if components(who):
            wanted[f"to-{name}"] = (components(who), numbers)
        if components(whom):
            wanted[f"from-{name}"] = (components(whom), numbers)
    return wanted


def _rendered():
    found = {}
    named = flows(golden())
    for policy in of_kind(golden(), "NetworkPolicy"):
        name = policy["metadata"]["name"].removeprefix("frontrow-")
        if name not in EVERYBODYS:
            spec = policy["spec"]
            rules = [*spec.get("ingress", []), *spec.get("egress", [])]
            numbers = {port["port"] for rule in rules for port in rule["ports"]}
            found[name] = (named[name], numbers)
    return found


def test_the_table_is_what_the_policies_say():
    assert _documented() == _rendered()


@pytest.mark.parametrize("name", ["hot-requests", "streams"])
def test_between_components_both_sides_say_the_same(name):
    who, whom, _ = rows()[name]
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind(golden(), "NetworkPolicy")}

    def other_side(rule):
        [peer] = rule
        [expression] = peer["podSelector"]["matchExpressions"]
        assert expression["key"] == COMPONENT
        return set(expression["values"])

    assert other_side(policies[f"frontrow-to-{name}"]["egress"][0]["to"]) == components(whom)
    assert other_side(policies[f"frontrow-from-{name}"]["ingress"][0]["from"]) == components(who)


@pytest.mark.control
def test_control_a_flow_that_nobody_wrote_down_is_seen():
    documented = _documented()
    documented["to-kafka"][0].discard("audit")
    assert documented != _rendered()
