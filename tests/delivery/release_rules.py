"""Rules of how many pods there are, who looks at them, and what runs before a release."""

import re
from collections.abc import Iterator

from tests.delivery.objects import (
    Object,
    lasting,
    named,
    of_kind,
    selects,
)
from tests.delivery.rules import rule

# Jobs as on one machine (stack/observe/targets.py), and beat, which has no port there.
JOBS = {"api", "fastpath", "stream", "workers", "consumers", "state", "beat"}
SINGLE = {"beat", "state-metrics", "flower"}
HOOKS = "helm.sh/hook"


@rule
def a_budget_says_how_many_pods_a_node_may_take(objects: list[Object]) -> Iterator[str]:
    budgets = of_kind(objects, "PodDisruptionBudget")
    for pods in lasting(objects):
        mine = [one for one in budgets if selects(one["spec"]["selector"], pods.metadata["labels"])]
        wanted = "10%" if pods.component == "api" else 1
        if [one["spec"].get("maxUnavailable") for one in mine] != [wanted]:
            yield f"{pods.component}: {len(mine)} budgets, or not of {wanted}"


@rule
def who_is_scaled_says_nowhere_how_many_pods_it_has(objects: list[Object]) -> Iterator[str]:
    """A number beside the scaler's would set the pods back at each upgrade, in a sale too."""
    scalers = of_kind(objects, "ScaledObject", "HorizontalPodAutoscaler")
    targets = [one["spec"]["scaleTargetRef"] for one in scalers]
    for pods in lasting(objects):
        name, kind = pods.owner["metadata"]["name"], pods.owner["kind"]
        mine = [one for one in targets if (one["name"], one["kind"]) == (name, kind)]
        if len(mine) != (0 if pods.component in SINGLE else 1):
            yield f"{pods.component}: {len(mine)} scalers"
        if mine and "replicas" in pods.owner["spec"]:
            yield f"{pods.component}: has a number of its own"


@rule
def pods_come_at_once_and_leave_slowly(objects: list[Object]) -> Iterator[str]:
    for one in of_kind(objects, "ScaledObject", "HorizontalPodAutoscaler"):
        spec = one["spec"]
        config = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", spec)
        up, down = config["behavior"]["scaleUp"], config["behavior"]["scaleDown"]
        name = one["metadata"]["name"]
        if up.get("stabilizationWindowSeconds") != 0 or up.get("selectPolicy") != "Max":
            yield f"{name}: waits before more pods come"
        steps = {(step["type"], step["value"], step["periodSeconds"]) for step in up["policies"]}
        if steps != {("Percent", 100, 15), ("Pods", 20, 15)}:
            yield f"{name}: more pods come by {steps}"
        left = [(step["type"], step["value"], step["periodSeconds"]) for step in down["policies"]]
        if down.get("stabilizationWindowSeconds") != 600 or left != [("Percent", 10, 60)]:
            yield f"{name}: pods leave by {left}"


@rule
def without_prometheus_there_are_never_fewer_pods(objects: list[Object]) -> Iterator[str]:
    for one in of_kind(objects, "ScaledObject"):
        name, spec = one["metadata"]["name"], one["spec"]
        asking = [trigger for trigger in spec["triggers"] if trigger["type"] == "prometheus"]
        fallback = spec.get("fallback", {})
        if asking and fallback.get("behavior") != "currentReplicasIfHigher":
            yield f"{name}: falls back to {fallback}"
        if not any(trigger["type"] == "cpu" for trigger in spec["triggers"]):
            yield f"{name}: without Prometheus nothing scales it"
        for trigger in asking:
            metadata = trigger["metadata"]
            if metadata.get("ignoreNullValues") != "false":
                yield f"{name}: takes an empty answer of {trigger['name']} for no pods"
            if metadata["threshold"] != "1" or trigger.get("metricType") != "AverageValue":
                yield f"{name}: {trigger['name']} is no number of pods"
            if not metadata.get("query"):
                yield f"{name}: {trigger['name']} asks nothing"


@rule
def prometheus_asks_everybody_by_the_job_that_rules_know(objects: list[Object]) -> Iterator[str]:
    monitors = of_kind(objects, "PodMonitor")
    for pods in lasting(objects) if monitors else []:
        mine = [
            endpoint
            for one in monitors
            if selects(one["spec"]["selector"], pods.metadata["labels"])
            for endpoint in one["spec"]["podMetricsEndpoints"]
        ]
        ports = {port["name"] for port in pods.main["ports"]}
        if {one["port"] for one in mine} - ports or bool(mine) == (pods.component == "flower"):
            yield f"{pods.component}: is asked at {[one['port'] for one in mine]}"
        job = pods.component
        for one in (step for endpoint in mine for step in endpoint["relabelings"]):
            if "regex" in one and re.fullmatch(one["regex"], job):
                job = one["replacement"]
        if mine and job not in JOBS:
            yield f"{pods.component}: is called {job}"


@rule
def the_calendar_scales_who_meets_the_crowd_first(objects: list[Object]) -> Iterator[str]:
    if not of_kind(objects, "ScaledObject"):
        return  # without KEDA there is CPU alone
    for component, metric in {
        "frontrow-api": "frontrow_wanted_api_pods",
        "frontrow-fastpath": "frontrow_wanted_fastpath_pods",
    }.items():
        triggers = named(objects, "ScaledObject", component)["spec"]["triggers"]
        if not any(metric in one["metadata"].get("query", "") for one in triggers):
            yield f"{component}: does not look at the calendar"


@rule
def the_databases_are_ready_before_the_release(objects: list[Object]) -> Iterator[str]:
    for one in of_kind(objects, "Job"):
        hooks = one["metadata"].get("annotations", {}).get(HOOKS)
        if hooks != "pre-install,pre-upgrade":
            yield f"{one['metadata']['name']} runs {hooks}"
        command = one["spec"]["template"]["spec"]["containers"][0]["command"]
        wanted = ["migrate --no-input --database idempotency", "migrate --no-input", "partitions"]
        if command[-3:] != wanted:
            yield f"{one['metadata']['name']} does {command}"


@rule
def the_calendar_is_asked_before_a_release(objects: list[Object]) -> Iterator[str]:
    for one in of_kind(objects, "Job"):
        name, spec = one["metadata"]["name"], one["spec"]
        first = spec["template"]["spec"].get("initContainers", [{}])[0]
        if first.get("command", [])[:3] != ["python", "manage.py", "release_guard"]:
            yield f"{name} begins with {first.get('command')}"
        ends = [
            rule["onExitCodes"]["values"]
            for rule in spec.get("podFailurePolicy", {}).get("rules", [])
            if rule["action"] == "FailJob" and rule["onExitCodes"]["containerName"] == "guard"
        ]
        if ends != [[1]]:
            yield f"{name} asks again after a refusal"


@rule
def what_runs_before_a_release_needs_nothing_of_it(objects: list[Object]) -> Iterator[str]:
    """At a first install its account, settings and classes are not there yet."""
    early = {
        (one["kind"], one["metadata"]["name"])
        for one in objects
        if "pre-install" in one["metadata"].get("annotations", {}).get(HOOKS, "")
    }
    for one in of_kind(objects, "Job"):
        spec = one["spec"]["template"]["spec"]
        if ("ServiceAccount", spec["serviceAccountName"]) not in early:
            yield f"{spec['serviceAccountName']} is not there yet"
        if "priorityClassName" in spec:
            yield "its class is not there yet"
        if any("configMapRef" in source for source in spec["containers"][0].get("envFrom", [])):
            yield "its settings are not there yet"


@rule
def work_by_the_clock_is_never_done_twice_at_once(objects: list[Object]) -> Iterator[str]:
    jobs = {one["metadata"]["name"]: one["spec"] for one in of_kind(objects, "CronJob")}
    if jobs.keys() != {"frontrow-partitions", "frontrow-audit"}:
        yield f"there are {sorted(jobs)}"
    for name, spec in jobs.items():
        if spec.get("concurrencyPolicy") != "Forbid" or "timeZone" not in spec:
            yield f"{name}: may run twice, or at another hour"
        if "activeDeadlineSeconds" not in spec["jobTemplate"]["spec"]:
            yield f"{name}: may run for ever"
