"""Rules of every pod: how it starts, drains and ends, what it may, and where it runs."""

from collections.abc import Iterator

from tests.delivery.objects import (
    Object,
    all_pods,
    environment,
    lasting,
    of_kind,
    pods_of,
)
from tests.delivery.rules import rule

ANSWERING = {"api", "fastpath", "fastpath-sale", "stream"}
SPREAD = {"api", "worker-relay"}
ZONE = "topology.kubernetes.io/zone"
# What the restricted profile of Pod Security lets a pod mount.
VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
    *("persistentVolumeClaim", "projected", "secret"),
}


@rule
def every_container_says_whether_it_started_lives_and_is_ready(
    objects: list[Object],
) -> Iterator[str]:
    for pods in lasting(objects):
        for container in pods.running():
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if probe not in container:
                    yield f"{pods.component}: {container['name']} has no {probe}"


@rule
def probes_ask_what_they_are_for(objects: list[Object]) -> Iterator[str]:
    """Startup: migrations (the streams have no database); readiness: drain, primary."""
    for pods in lasting(objects):
        if pods.component == "flower":
            continue  # which has /healthcheck alone
        alive = "/healthz/live"
        wanted = {
            "startupProbe": alive if pods.component == "stream" else "/healthz/startup",
            "livenessProbe": alive,
            "readinessProbe": "/healthz/ready",
        }
        for probe, path in wanted.items():
            asked = pods.main.get(probe, {}).get("httpGet", {}).get("path")
            if asked != path:
                yield f"{pods.component}: {probe} asks {asked}"


@rule
def a_pod_is_drained_before_it_is_stopped(objects: list[Object]) -> Iterator[str]:
    for pods in lasting(objects):
        hook = pods.main.get("lifecycle", {}).get("preStop", {}).get("exec", {})
        if hook.get("command", [""])[-1] != 'touch "$DRAIN_FILE"; sleep 10':
            yield f"{pods.component}: preStop is {hook}"


@rule
def a_pod_gets_the_time_that_it_needs_to_end(objects: list[Object]) -> Iterator[str]:
    for pods in lasting(objects):
        wanted = 45 if pods.component in ANSWERING else 120
        if pods.spec.get("terminationGracePeriodSeconds") != wanted:
            yield f"{pods.component}: not {wanted} s"


@rule
def every_container_asks_for_what_it_needs_and_no_cpu_limit(
    objects: list[Object],
) -> Iterator[str]:
    for pods in all_pods(objects):
        for container in pods.containers():
            resources = container.get("resources", {})
            requests, limits = resources.get("requests", {}), resources.get("limits", {})
            place = f"{pods.component}: {container['name']}"
            if not {"cpu", "memory"} <= requests.keys():
                yield f"{place} requests {requests}"
            if set(limits) != {"memory"}:
                yield f"{place} is limited in {sorted(limits)}"


@rule
def pods_are_spread_over_the_zones(objects: list[Object]) -> Iterator[str]:
    for pods in lasting(objects):
        zones = [
            one
            for one in pods.spec.get("topologySpreadConstraints", [])
            if one["topologyKey"] == ZONE and one["maxSkew"] == 1
        ]
        if len(zones) != 1:
            yield f"{pods.component}: spread by {zones}"
        elif pods.component in SPREAD and zones[0]["whenUnsatisfiable"] != "DoNotSchedule":
            yield f"{pods.component}: an uneven spread is only avoided"
        elif zones[0]["labelSelector"]["matchLabels"].items() - pods.metadata["labels"].items():
            yield f"{pods.component}: others than itself are counted"


@rule
def pods_are_restricted(objects: list[Object]) -> Iterator[str]:
    """What the profile `restricted` of Pod Security asks, and a root that nobody writes to."""
    for pods in all_pods(objects):
        of_pod = pods.spec.get("securityContext", {})
        if of_pod.get("runAsNonRoot") is not True or of_pod.get("runAsUser", 0) == 0:
            yield f"{pods.component}: may be root"
        if of_pod.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
            yield f"{pods.component}: has no seccomp profile"
        if any(pods.spec.get(one) for one in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{pods.component}: is in the host's namespaces"
        for volume in pods.spec.get("volumes", []):
            if not VOLUMES & volume.keys():
                yield f"{pods.component}: mounts {volume}"
        for container in pods.containers():
            yield from _of_container(pods.component, container)


def _of_container(component: str, container: Object) -> Iterator[str]:
    context = container.get("securityContext", {})
    place = f"{component}: {container['name']}"
    if context.get("privileged") or context.get("allowPrivilegeEscalation") is not False:
        yield f"{place} may get more rights"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield f"{place} has capabilities"
    if context.get("readOnlyRootFilesystem") is not True:
        yield f"{place} writes to its root"
    if context.get("runAsUser", 1) == 0 or context.get("runAsNonRoot") is False:
        yield f"{place} may be root"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield f"{place} has a port of the host"


@rule
def nobody_has_a_token_of_the_cluster(objects: list[Object]) -> Iterator[str]:
    accounts = {one["metadata"]["name"]: one for one in of_kind(objects, "ServiceAccount")}
    for pods in all_pods(objects):
        if pods.spec.get("automountServiceAccountToken") is not False:
            yield f"{pods.component}: a token is mounted"
        if pods.spec.get("serviceAccountName") not in accounts:
            yield f"{pods.component}: nobody made its account"
    for name, account in accounts.items():
        if account.get("automountServiceAccountToken") is not False:
            yield f"{name}: gives its token"


@rule
def the_api_goes_before_the_workers_and_they_before_placeholders(
    objects: list[Object],
) -> Iterator[str]:
    value = {
        one["metadata"]["name"].rpartition("-")[2]: one["value"]
        for one in of_kind(objects, "PriorityClass")
    }
    if not value.get("api", 0) > value.get("workers", 0) > 0 > value.get("placeholder", 0):
        yield f"the order is {value}"
    for pods in lasting(objects):
        wanted = "api" if pods.component in ANSWERING else "workers"
        if pods.spec.get("priorityClassName", "").rpartition("-")[2] != wanted:
            yield f"{pods.component}: is not of the class {wanted}"


@rule
def a_changed_setting_starts_the_pods_again(objects: list[Object]) -> Iterator[str]:
    for pods in lasting(objects):
        reads = any("configMapRef" in one for one in pods.main.get("envFrom", []))
        marked = "checksum/environment" in pods.metadata.get("annotations", {})
        if reads and not marked:
            yield f"{pods.component}: has no checksum"


@rule
def images_are_pinned(objects: list[Object]) -> Iterator[str]:
    for pods in all_pods(objects):
        for container in pods.containers():
            image = container["image"]
            ours = "frontrow" in image
            pinned = "@sha256:" in image if ours else ":latest" not in image and ":" in image
            if not pinned:
                yield f"{pods.component}: {image}"


@rule
def the_key_ring_is_roots_and_nobody_else_reads_it(objects: list[Object]) -> Iterator[str]:
    for pods in all_pods(objects):
        if pods.component == "stream":
            continue
        rings = [one for one in pods.spec.get("volumes", []) if one["name"] == "keys"]
        modes = [one.get("secret", {}).get("defaultMode") for one in rings]
        if modes != [0o440] or pods.spec["securityContext"].get("fsGroup") != 10001:
            yield f"{pods.component}: mode {modes}"


@rule
def secrets_are_named_and_never_written_down(objects: list[Object]) -> Iterator[str]:
    """A variable that a Secret has is nowhere given by its value."""
    for one in of_kind(objects, "Secret"):
        yield f"{one['metadata']['name']}: a Secret is in the chart"
    secret, plain = set(), set()
    for pods in all_pods(objects):
        for container in pods.containers():
            for name, entry in environment(container).items():
                (secret if "secretKeyRef" in entry.get("valueFrom", {}) else plain).add(name)
    for one in of_kind(objects, "ConfigMap"):
        plain |= one["data"].keys()
    for name in sorted(secret & plain):
        yield f"{name} is written down"


@rule
def what_must_be_one_is_one(objects: list[Object]) -> Iterator[str]:
    for component in ("beat", "state-metrics"):
        spec = pods_of(objects, component).owner["spec"]
        if spec.get("replicas") != 1 or spec["strategy"].get("type") != "Recreate":
            yield f"{component}: there may be two"


@rule
def the_gateway_starts_before_the_api_and_stops_after_it(objects: list[Object]) -> Iterator[str]:
    before = pods_of(objects, "api").spec.get("initContainers", [])
    gateways = [one for one in before if one["name"] == "gateway"]
    if [one.get("restartPolicy") for one in gateways] != ["Always"]:
        yield "the gateway is no sidecar"
    elif gateways[0]["startupProbe"]["httpGet"]["port"] != "status":  # which nginx answers alone
        yield "the gateway waits for the API, which waits for the gateway"
