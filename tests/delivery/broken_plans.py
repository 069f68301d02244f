"""Plans of a release with one thing broken, for the rules of tests/delivery/plan_rules.py."""

from tests.delivery.broken import breaks
from tests.delivery.objects import Object, named, of_kind


def _canary(objects: list[Object]) -> Object:
    return of_kind(objects, "Rollout")[0]["spec"]["strategy"]["canary"]


def _metric(objects: list[Object], template: str) -> Object:
    return named(objects, "AnalysisTemplate", f"frontrow-{template}")["spec"]["metrics"][0]


@breaks("a_release_keeps_the_old_pods_until_the_weights_have_arrived")
def a_stable_side_that_goes_early(objects):
    _canary(objects)["dynamicStableScale"] = True


@breaks("a_release_keeps_the_old_pods_until_the_weights_have_arrived")
def a_release_for_half_of_the_fans(objects):
    _canary(objects)["steps"][0]["setWeight"] = 50


@breaks("the_balancer_follows_the_weights_of_a_release")
def a_way_past_the_weights(objects):
    rules = of_kind(objects, "Ingress")[0]["spec"]["rules"]
    rules[0]["http"]["paths"][0]["backend"]["service"]["port"] = {"number": 80}


@breaks("a_release_is_judged_all_the_way")
def a_release_by_the_clock(objects):
    del _canary(objects)["analysis"]


@breaks("a_release_is_judged_all_the_way")
def a_share_that_served_nobody(objects):
    steps = _canary(objects)["steps"]
    steps.remove(next(step for step in steps if "analysis" in step))


@breaks("no_release_goes_on_by_an_empty_answer")
def an_empty_answer_that_is_good(objects):
    _metric(objects, "comparison")["successCondition"] = "result[0] <= 0.002"


@breaks("no_release_goes_on_by_an_empty_answer")
def a_seat_sold_twice_that_is_let_pass(objects):
    _metric(objects, "trust")["failureLimit"] = 1


@breaks("no_release_goes_on_by_an_empty_answer")
def a_release_that_ends_with_prometheus(objects):
    del _metric(objects, "traffic")["consecutiveErrorLimit"]


@breaks("what_a_step_waits_for_has_an_end")
def a_step_that_never_ends(objects):
    del _metric(objects, "traffic")["count"]
