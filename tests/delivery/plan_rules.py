"""Rules of how a release comes in, by what it is judged, and how it is taken back."""

from collections.abc import Iterator

from tests.delivery.objects import Object, named, of_kind
from tests.delivery.rules import rule

# Let pass: one bad look at what is compared, none at seats and money.
MOST_FAILURES = {"comparison": 1, "trust": 0, "traffic": 0, "purchase": 0}


@rule
def a_release_keeps_the_old_pods_until_the_weights_have_arrived(
    objects: list[Object],
) -> Iterator[str]:
    for one in of_kind(objects, "Rollout"):
        canary = one["spec"]["strategy"].get("canary", {})
        if "trafficRouting" in canary and (
            canary.get("dynamicStableScale") is not False
            or canary.get("scaleDownDelaySeconds", 0) < 120
        ):
            yield f"{one['metadata']['name']}: the stable side goes too early"
        if canary and (canary["maxUnavailable"] != 0 or canary["steps"][0]["setWeight"] > 10):
            yield f"{one['metadata']['name']}: begins with too much"


@rule
def the_balancer_follows_the_weights_of_a_release(objects: list[Object]) -> Iterator[str]:
    services = {one["metadata"]["name"] for one in of_kind(objects, "Service")}
    (rollout,) = of_kind(objects, "Rollout")
    strategy = rollout["spec"]["strategy"]
    canary = strategy.get("canary", {})
    blue_green = strategy.get("blueGreen", {})
    names = {canary.get("stableService"), canary.get("canaryService")}
    names |= {blue_green.get("activeService"), blue_green.get("previewService")}
    names.discard(None)
    alb = canary.get("trafficRouting", {}).get("alb")
    if alb:
        ingress = named(objects, "Ingress", alb["ingress"])
        backends = [
            path["backend"]["service"]
            for one in ingress["spec"]["rules"]
            for path in one["http"]["paths"]
        ]
        asked = {"name": alb["rootService"], "port": {"name": "use-annotation"}}
        if any(backend != asked for backend in backends):
            yield f"{alb['ingress']} sends requests past the weights"
        names.add(alb["rootService"])
    for name in sorted(names - services):
        yield f"there is no {name}"


@rule
def a_release_is_judged_all_the_way(objects: list[Object]) -> Iterator[str]:
    for one in of_kind(objects, "Rollout"):
        strategy = one["spec"]["strategy"]
        canary = strategy.get("canary", {})
        judging = canary.get("analysis") or strategy.get("blueGreen", {}).get(
            "postPromotionAnalysis", {}
        )
        names = {each["templateName"] for each in judging.get("templates", [])}
        if names != {"frontrow-trust", "frontrow-comparison"}:
            yield f"it is judged by {sorted(names)}"
        if judging.get("startingStep", 1) > 1:
            yield "its first share is not looked at"
        steps = [next(iter(step)) for step in canary.get("steps", [])]
        shares = ["setWeight", "pause", "analysis"] * (len(steps) // 3)
        if canary and steps != [*shares, "setWeight"]:
            yield f"its steps are {steps}"


@rule
def no_release_goes_on_by_an_empty_answer(objects: list[Object]) -> Iterator[str]:
    for template in of_kind(objects, "AnalysisTemplate"):
        name = template["metadata"]["name"].removeprefix("frontrow-")
        for metric in template["spec"]["metrics"]:
            at = f"{name}: {metric['name']}"
            if metric.get("failureLimit", 0) > MOST_FAILURES[name]:
                yield f"{at} lets {metric['failureLimit']} bad answers pass"
            if "prometheus" not in metric["provider"]:
                continue
            if not metric["successCondition"].startswith("len(result) > 0 && "):
                yield f"{at} takes an empty answer for a good one"
            if metric.get("failureCondition", "len(result) == 0") != "len(result) == 0":
                yield f"{at} fails by {metric['failureCondition']}"
            if metric.get("consecutiveErrorLimit", 0) < 10_000:
                yield f"{at}: without Prometheus a release is taken back"


@rule
def what_a_step_waits_for_has_an_end(objects: list[Object]) -> Iterator[str]:
    """All but what looks beside the steps of a canary: Rollouts refuses the whole plan else."""
    for one in of_kind(objects, "Rollout"):
        strategy = one["spec"]["strategy"]
        steps = strategy.get("canary", {}).get("steps", [])
        of_colours = strategy.get("blueGreen", {})
        waits = [step["analysis"] for step in steps if "analysis" in step]
        waits += [each for name, each in of_colours.items() if "Analysis" in name]
        for template in {each["templateName"] for wait in waits for each in wait["templates"]}:
            for metric in named(objects, "AnalysisTemplate", template)["spec"]["metrics"]:
                if "interval" in metric and not metric.get("count"):
                    yield f"{template}: {metric['name']} goes on for ever"
