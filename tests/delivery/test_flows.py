"""The table of ports in docs/infra.md is what the network policies let through, and no more."""

import re
from pathlib import Path

import pytest

from tests.delivery.network_rules import flows
from tests.delivery.objects import COMPONENT, golden, of_kind

PAGE = Path(__file__).parents[2] / "docs" / "infra.md"
ROW = re.compile(r"^\| `([\w-]+)` \| (.+?) \| (.+?) \| ([\d, ]+) \|$", re.MULTILINE)
# Of every pod, and of the policy that closes all doors.
EVERYBODYS = {"to-dns", "setup", "nobody"}


def _rows():
    table = PAGE.read_text().partition("<!-- flows -->")[2].partition("<!-- end -->")[0]
    return {name: (who, whom, ports) for name, who, whom, ports in ROW.findall(table)}


def _named(cell):
    """Return the components in a cell; of somebody outside none."""
    return set() if cell.startswith("*") else set(cell.split(", "))


def _documented():
    """Return for each policy that the table wants its components and ports."""
    wanted = {}
    for name, (who, whom, ports) in _rows().items():
        numbers = {int(port) for port in ports.split(", ")}
        if _named(who):
            wanted[f"to-{name}"] = (_named(who), numbers)
        if _named(whom):
            wanted[f"from-{name}"] = (_named(whom), numbers)
    return wanted


def _rendered():
    found = {}
    components = flows(golden())
    for policy in of_kind(golden(), "NetworkPolicy"):
        name = policy["metadata"]["name"].removeprefix("frontrow-")
        if name not in EVERYBODYS:
            spec = policy["spec"]
            rules = [*spec.get("ingress", []), *spec.get("egress", [])]
            numbers = {port["port"] for rule in rules for port in rule["ports"]}
            found[name] = (components[name], numbers)
    return found


def test_the_table_is_what_the_policies_say():
    assert _documented() == _rendered()


@pytest.mark.parametrize("name", ["hot-requests", "streams"])
def test_between_components_both_sides_say_the_same(name):
    who, whom, _ = _rows()[name]
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind(golden(), "NetworkPolicy")}

    def other_side(rule):
        [peer] = rule
        [expression] = peer["podSelector"]["matchExpressions"]
        assert expression["key"] == COMPONENT
        return set(expression["values"])

    assert other_side(policies[f"frontrow-to-{name}"]["egress"][0]["to"]) == _named(whom)
    assert other_side(policies[f"frontrow-from-{name}"]["ingress"][0]["from"]) == _named(who)


@pytest.mark.control
def test_control_a_flow_that_nobody_wrote_down_is_seen():
    documented = _documented()
    documented["to-kafka"][0].discard("audit")
    assert documented != _rendered()
