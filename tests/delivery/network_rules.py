"""Rules of who may reach whom, and of the names by which they do."""

from collections.abc import Iterator

from tests.delivery.objects import COMPONENT, Object, all_pods, lasting, of_kind, selects
from tests.delivery.rules import rule

# Components that may reach the data plane, by the flow's name (issue: the API and the workers reach
# PostgreSQL, the relay and the consumers Kafka); beat asks for the primary's clock.
SELLS = {
    *("api", "fastpath", "fastpath-sale", "consumers", "state-metrics", "partitions", "audit"),
    *("worker-promotion", "worker-relay", "worker-general", "worker-background"),
}
MAY_REACH = {
    "postgres": SELLS | {"beat", "setup"},
    "valkey": SELLS,
    "kafka": {"worker-relay", "consumers", "audit"},
    "broker": {component for component in SELLS if component.startswith("worker-")}
    | {"api", "beat", "flower", "state-metrics"},
}
# No way to the whole internet leads to these: hosts inside, and a node's own services.
PRIVATE = ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")


def flows(objects: list[Object]) -> dict[str, set[str]]:
    """Return the components of each policy by its name without the release's."""
    found = {}
    for policy in of_kind(objects, "NetworkPolicy"):
        selector = policy["spec"]["podSelector"]
        named = [one for one in selector.get("matchExpressions", []) if one["key"] == COMPONENT]
        if named:
            found[policy["metadata"]["name"].removeprefix("frontrow-")] = set(named[0]["values"])
    return found


@rule
def nobody_reaches_anybody_unless_a_flow_says_so(objects: list[Object]) -> Iterator[str]:
    closed = [
        one["spec"]
        for one in of_kind(objects, "NetworkPolicy")
        if not one["spec"].get("ingress") and not one["spec"].get("egress")
        and set(one["spec"].get("policyTypes", [])) == {"Ingress", "Egress"}
    ]  # fmt: skip
    for pods in all_pods(objects):
        if not any(selects(spec["podSelector"], pods.metadata["labels"]) for spec in closed):
            yield f"{pods.component}: is open"


@rule
def no_flow_is_open_to_everybody(objects: list[Object]) -> Iterator[str]:
    for policy in of_kind(objects, "NetworkPolicy"):
        for way, whom in (("ingress", "from"), ("egress", "to")):
            for flow in policy["spec"].get(way, []):
                name = policy["metadata"]["name"]
                if not flow.get(whom) or not flow.get("ports"):
                    yield f"{name}: {way} names nobody or no port"
                for peer in flow.get(whom, []):
                    block = peer.get("ipBlock", {})
                    if block.get("cidr") == "0.0.0.0/0" and set(PRIVATE) - set(block["except"]):
                        yield f"{name}: private networks are not left out"


@rule
def the_data_plane_is_reached_by_those_who_need_it(objects: list[Object]) -> Iterator[str]:
    found = flows(objects)
    for name, wanted in MAY_REACH.items():
        reach = found.get(f"to-{name}", set())
        for component in sorted(reach ^ wanted):
            yield f"{component} {'reaches' if component in reach else 'does not reach'} {name}"


@rule
def every_flow_is_of_components_that_are_there(objects: list[Object]) -> Iterator[str]:
    there = {pods.component for pods in all_pods(objects)} | {"buy"}  # of `helm test`
    for name, components in flows(objects).items():
        for component in sorted(components - there):
            yield f"{name}: there is no {component}"


@rule
def a_service_leads_to_a_port_of_pods(objects: list[Object]) -> Iterator[str]:
    for service in of_kind(objects, "Service"):
        name, spec = service["metadata"]["name"], service["spec"]
        # The number of a pod is known once it runs.
        labels = {k: v for k, v in spec["selector"].items() if not k.startswith("statefulset.")}
        taken = [
            pods
            for pods in lasting(objects)
            if selects({"matchLabels": labels}, pods.metadata["labels"])
        ]
        ports = {port["name"] for pods in taken for one in pods.running() for port in one["ports"]}
        for port in spec["ports"]:
            if port["targetPort"] not in ports:
                yield f"{name}: nobody listens on {port['targetPort']}"


@rule
def every_fastpath_has_a_name_that_stays(objects: list[Object]) -> Iterator[str]:
    services = {one["metadata"]["name"] for one in of_kind(objects, "Service")}
    most = {
        one["spec"]["scaleTargetRef"]["name"]: one["spec"].get("maxReplicaCount")
        or one["spec"]["maxReplicas"]
        for one in of_kind(objects, "ScaledObject", "HorizontalPodAutoscaler")
    }
    for one in of_kind(objects, "StatefulSet"):
        name = one["metadata"]["name"]
        for number in range(most.get(name, 1)):
            if f"{name}-{number}" not in services:
                yield f"{name}-{number} has no name"
        if one["spec"].get("podManagementPolicy") != "Parallel":
            yield f"{name}: its pods wait for each other"
