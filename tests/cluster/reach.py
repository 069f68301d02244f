"""Who may reach whom by the NetworkPolicies of a namespace, decided as a cluster's network does."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.delivery.objects import Object, selects

_NAME = "kubernetes.io/metadata.name"
# What this reads of a policy; anything else would be decided wrongly, so it is an error.
_READ = {
    "spec": {"podSelector", "policyTypes", "ingress", "egress"},
    "rule": {"from", "to", "ports"},
    "peer": {"podSelector", "namespaceSelector", "ipBlock"},
    "port": {"port", "protocol"},
}


@dataclass(frozen=True)
class Party:
    """A pod (labels and namespace), or somebody outside the cluster (neither)."""

    address: str
    namespace: str | None = None
    labels: Object = field(default_factory=dict)


class Network:
    """The policies of one namespace."""

    def __init__(self, namespace: str, policies: list[Object]) -> None:
        self._namespace = namespace
        self._specs = [_known("spec", one["spec"]) for one in policies]

    def lets(self, source: Party, target: Party, port: int, protocol: str = "TCP") -> bool:
        """Say whether a connection comes about: both sides have to allow it."""
        leaves = self._one_side("Egress", source, target, port, protocol)
        return leaves and self._one_side("Ingress", target, source, port, protocol)

    def _one_side(self, way: str, own: Party, other: Party, port: int, protocol: str) -> bool:
        """Who is chosen by no policy of this way is open; else one rule has to allow it."""
        if own.namespace != self._namespace:
            return True  # others' policies are others' matter
        chosen = [
            spec
            for spec in self._specs
            if way in spec["policyTypes"] and selects(spec["podSelector"], own.labels)
        ]
        rules = [
            rule
            for spec in chosen
            for rule in _rules(spec, way)
            if _opens(rule.get("ports", []), port, protocol)
        ]
        side = {"Egress": "to", "Ingress": "from"}[way]
        return not chosen or any(
            not rule.get(side) or any(self._is(peer, other) for peer in rule[side])
            for rule in rules
        )

    def _is(self, peer: Object, party: Party) -> bool:
        peer = _known("peer", peer)
        if "ipBlock" in peer:
            return _inside(peer["ipBlock"], party.address)
        if party.namespace is None:
            return False
        if "namespaceSelector" in peer:
            there = selects(peer["namespaceSelector"], {_NAME: party.namespace})
        else:
            there = party.namespace == self._namespace
        return there and selects(peer.get("podSelector", {}), party.labels)


def _rules(spec: Object, way: str) -> Iterator[Object]:
    for rule in spec.get(way.lower(), []):
        yield _known("rule", rule)


def _opens(ports: list[Object], port: int, protocol: str) -> bool:
    """No ports are all ports."""
    return not ports or any(
        one["port"] == port and one.get("protocol", "TCP") == protocol
        for one in (_known("port", each) for each in ports)
    )


def _inside(block: Object, address: str) -> bool:
    ip = ipaddress.ip_address(address)
    left_out = any(ip in ipaddress.ip_network(one) for one in block.get("except", []))
    return ip in ipaddress.ip_network(block["cidr"]) and not left_out


def _known(what: str, node: Object) -> Object:
    assert node.keys() <= _READ[what], f"{what}: {sorted(node.keys() - _READ[what])}"
    return node
