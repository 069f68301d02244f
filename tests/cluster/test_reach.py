"""Who reaches whom in a release of production, and what its accounts may do: nothing."""

import pytest

from deploy.cluster.kubectl import Refused
from stack.process import wait_until
from tests.cluster.reach import Network, Party
from tests.cluster.watching import NAMESPACE
from tests.delivery.flow_table import components, rows
from tests.delivery.objects import COMPONENT, all_pods

# Somebody of each kind that the table names, as values-production.yaml knows them.
OUTSIDE = {
    "*load balancer*": Party("10.20.16.7"),
    "*Prometheus*": Party("10.244.9.1", "monitoring"),
    "*operators*": Party("10.244.9.2", "operators"),
    "*PostgreSQL*": Party("10.20.200.1"),
    "*cache, lock, queue*": Party("10.20.200.2"),
    "*broker*": Party("10.20.200.3"),
    "*Kafka*": Party("10.20.200.4"),
    "*mail server*": Party("192.0.2.25"),
    "*collectors*": Party("10.244.9.3", "monitoring"),
    "*the node's agent for roles*": Party("169.254.170.23"),
    "*public addresses*": Party("192.0.2.80"),
}
STRANGER = Party("10.244.9.4", "default")
# Of the data plane, which all stands in the same subnets, and of what is public.
ALIKE = [
    {"*PostgreSQL*", "*cache, lock, queue*", "*broker*", "*Kafka*"},
    {"*mail server*", "*public addresses*"},
    {"*Prometheus*", "*collectors*"},
]
PORTS = sorted({port for _, _, ports in rows().values() for port in ports} | {22, 8003})


def _parties(rendered):
    """Return everybody by the words of the table; components by their live labels."""
    inside = {
        one.component: Party("10.244.1.1", NAMESPACE, one.metadata["labels"])
        for one in all_pods(rendered)
    }
    buy = dict(inside["api"].labels) | {COMPONENT: "buy"}
    return inside | {"buy": Party("10.244.1.1", NAMESPACE, buy)} | OUTSIDE


def _wanted():
    """Return who may reach whom at which port, as the table says it."""
    wanted = set()
    for who, whom, ports in rows().values():
        for one in components(who) or {who}:
            for other in components(whom) or {whom}:
                wanted |= {(one, other, port) for port in ports}
    return wanted


def _means(wanted, one, other, port):
    """Whether the table wants it, of the other or of somebody who stands where the other does."""
    same = next((group for group in ALIKE if other in group), {other})
    ways = {(one, each, port) for each in same}
    ways |= {(each, other, port) for group in ALIKE if one in group for each in group}
    return bool(ways & wanted)


def _reached(network, parties):
    return {
        (one, other, port)
        for one, source in parties.items()
        for other, target in parties.items()
        for port in PORTS
        if NAMESPACE in (source.namespace, target.namespace)
        and one != other
        and network.lets(source, target, port)
    }


def test_who_reaches_whom_is_what_the_table_says(kubectl, release, rendered):
    network = Network(NAMESPACE, kubectl.items("networkpolicies", "-n", NAMESPACE))
    parties, wanted = _parties(rendered), _wanted()
    reached = _reached(network, parties)
    assert wanted <= reached
    assert {way for way in reached if not _means(wanted, *way)} == set()
    assert not any(
        network.lets(STRANGER, one, port)
        for one in parties.values()
        for port in PORTS
        if one.namespace == NAMESPACE
    )
    dns = Party("10.96.0.10", "kube-system")
    assert all(network.lets(one, dns, 53, "UDP") for one in parties.values())


@pytest.mark.control
def test_control_without_the_closed_door_somebody_gets_in(kubectl, release, rendered):
    policies = kubectl.items("networkpolicies", "-n", NAMESPACE)
    open_door = [one for one in policies if not one["metadata"]["name"].endswith("-nobody")]
    assert len(open_door) == len(policies) - 1
    network = Network(NAMESPACE, open_door)
    reached = _reached(network, _parties(rendered))
    assert any(not _means(_wanted(), *way) for way in reached)


def _may(kubectl, account, *what):
    name = f"system:serviceaccount:{NAMESPACE}:{account}"
    try:
        said = kubectl.run("auth", "can-i", *what, "-n", NAMESPACE, "--as", name)
    except Refused as refused:  # which is how it says no
        said = str(refused)
    assert said.split()[0] in ("yes", "no"), said
    return said.startswith("yes")


ASKED = (("get", "secrets"), ("create", "pods"), ("patch", "rollouts"), ("list", "configmaps"))


def test_no_account_may_do_anything(kubectl, release):
    accounts = [
        one["metadata"]["name"] for one in kubectl.items("serviceaccounts", "-n", NAMESPACE)
    ]
    assert len(accounts) > 10
    able = [(one, what) for one in accounts for what in ASKED if _may(kubectl, one, *what)]
    assert able == []


@pytest.mark.control
def test_control_an_account_with_a_role_is_seen(kubectl, release):
    account = f"--serviceaccount={NAMESPACE}:frontrow-api"
    kubectl.run(
        "create", "rolebinding", "too-much", "--clusterrole=cluster-admin", account, "-n", NAMESPACE
    )
    try:
        assert wait_until(lambda: _may(kubectl, "frontrow-api", "get", "secrets"), 20)
    finally:
        kubectl.run("delete", "rolebinding", "too-much", "-n", NAMESPACE)
