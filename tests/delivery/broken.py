"""Objects with one thing broken: for each rule something that it must see."""

from collections.abc import Callable
from typing import Any

from tests.delivery.objects import Object, named, of_kind, pods_of

Break = Callable[[list[Object]], Any]
BROKEN: dict[str, tuple[str, Break]] = {}


def breaks(rule: str) -> Callable[[Break], Break]:
    """Add a way to break objects that the rule of this name must see."""

    def add(function: Break) -> Break:
        BROKEN[function.__name__] = (rule, function)
        return function

    return add


def _policy(objects: list[Object], name: str) -> Object:
    return named(objects, "NetworkPolicy", f"frontrow-{name}")["spec"]


def _scaled(objects: list[Object], name: str = "frontrow-api") -> Object:
    return named(objects, "ScaledObject", name)["spec"]


def _asking(objects: list[Object]) -> Object:
    return next(one for one in _scaled(objects)["triggers"] if one["type"] == "prometheus")


@breaks("every_container_says_whether_it_started_lives_and_is_ready")
def no_startup_probe(objects):
    del pods_of(objects, "worker-relay").main["startupProbe"]


@breaks("probes_ask_what_they_are_for")
def liveness_asks_the_primary(objects):
    pods_of(objects, "api").main["livenessProbe"]["httpGet"]["path"] = "/healthz/ready"


@breaks("a_pod_is_drained_before_it_is_stopped")
def stopped_at_once(objects):
    del pods_of(objects, "fastpath").main["lifecycle"]


@breaks("a_pod_gets_the_time_that_it_needs_to_end")
def killed_amid_a_task(objects):
    pods_of(objects, "worker-general").spec["terminationGracePeriodSeconds"] = 30


@breaks("every_container_asks_for_what_it_needs_and_no_cpu_limit")
def a_cpu_limit(objects):
    pods_of(objects, "api").main["resources"]["limits"]["cpu"] = "2"


@breaks("every_container_asks_for_what_it_needs_and_no_cpu_limit")
def no_memory_limit(objects):
    del pods_of(objects, "audit").main["resources"]["limits"]


@breaks("pods_are_spread_over_the_zones")
def an_unspread_api(objects):
    del pods_of(objects, "api").spec["topologySpreadConstraints"]


@breaks("pods_are_spread_over_the_zones")
def an_api_that_is_spread_if_it_suits(objects):
    spread = pods_of(objects, "api").spec["topologySpreadConstraints"]
    spread[0]["whenUnsatisfiable"] = "ScheduleAnyway"


@breaks("pods_are_restricted")
def a_privileged_container(objects):
    pods_of(objects, "beat").main["securityContext"]["privileged"] = True


@breaks("pods_are_restricted")
def a_root_that_is_written_to(objects):
    pods_of(objects, "flower").main["securityContext"]["readOnlyRootFilesystem"] = False


@breaks("pods_are_restricted")
def a_folder_of_the_host(objects):
    volumes = pods_of(objects, "consumers").spec["volumes"]
    volumes.append({"name": "host", "hostPath": {"path": "/"}})


@breaks("nobody_has_a_token_of_the_cluster")
def a_token(objects):
    pods_of(objects, "stream").spec["automountServiceAccountToken"] = True


@breaks("the_api_goes_before_the_workers_and_they_before_placeholders")
def workers_before_the_api(objects):
    named(objects, "PriorityClass", "frontrow-workers")["value"] = 10**6


@breaks("a_changed_setting_starts_the_pods_again")
def no_checksum(objects):
    del pods_of(objects, "consumers").metadata["annotations"]


@breaks("images_are_pinned")
def an_image_by_its_tag(objects):
    pods_of(objects, "setup").main["image"] = "registry.example/frontrow:1.2.3"


@breaks("the_key_ring_is_roots_and_nobody_else_reads_it")
def a_key_ring_that_all_read(objects):
    volumes = pods_of(objects, "worker-general").spec["volumes"]
    next(one for one in volumes if one["name"] == "keys")["secret"]["defaultMode"] = 0o444


@breaks("secrets_are_named_and_never_written_down")
def a_password_among_the_settings(objects):
    of_kind(objects, "ConfigMap")[0]["data"]["DATABASE_URL"] = "postgresql://..."


@breaks("what_must_be_one_is_one")
def two_beats(objects):
    pods_of(objects, "beat").owner["spec"]["strategy"] = {"type": "RollingUpdate"}


@breaks("the_gateway_starts_before_the_api_and_stops_after_it")
def a_gateway_that_ends(objects):
    for one in pods_of(objects, "api").spec["initContainers"]:
        one.pop("restartPolicy", None)


@breaks("the_gateway_starts_before_the_api_and_stops_after_it")
def a_gateway_that_waits_for_the_api(objects):
    for one in pods_of(objects, "api").spec["initContainers"]:
        if one["name"] == "gateway":
            one["startupProbe"]["httpGet"] = {"path": "/healthz/startup", "port": "http"}


@breaks("nobody_reaches_anybody_unless_a_flow_says_so")
def no_closed_door(objects):
    objects.remove(named(objects, "NetworkPolicy", "frontrow-nobody"))


@breaks("no_flow_is_open_to_everybody")
def a_flow_to_everybody(objects):
    _policy(objects, "to-kafka")["egress"][0]["to"] = []


@breaks("no_flow_is_open_to_everybody")
def an_internet_with_private_networks(objects):
    block = _policy(objects, "to-internet")["egress"][0]["to"][0]["ipBlock"]
    block["except"] = []


@breaks("no_flow_is_open_to_everybody")
def mail_to_the_nodes_own_services(objects):
    _policy(objects, "to-mail")["egress"][0]["to"][0]["ipBlock"]["except"].remove("169.254.0.0/16")


@breaks("the_data_plane_is_reached_by_those_who_need_it")
def streams_that_reach_postgresql(objects):
    selector = _policy(objects, "to-postgres")["podSelector"]
    selector["matchExpressions"][0]["values"].append("stream")


@breaks("every_flow_is_of_components_that_are_there")
def a_flow_of_nobody(objects):
    selector = _policy(objects, "to-mail")["podSelector"]
    selector["matchExpressions"][0]["values"] = ["worker-mail"]


@breaks("a_service_leads_to_a_port_of_pods")
def a_service_to_nowhere(objects):
    named(objects, "Service", "frontrow")["spec"]["ports"][0]["targetPort"] = "web"


@breaks("every_fastpath_has_a_name_that_stays")
def a_fastpath_without_a_name(objects):
    objects.remove(named(objects, "Service", "frontrow-fastpath-sale-11"))


@breaks("a_budget_says_how_many_pods_a_node_may_take")
def no_budget(objects):
    objects.remove(named(objects, "PodDisruptionBudget", "frontrow-worker-promotion"))


@breaks("who_is_scaled_says_nowhere_how_many_pods_it_has")
def a_number_of_pods(objects):
    of_kind(objects, "Rollout")[0]["spec"]["replicas"] = 3


@breaks("who_is_scaled_says_nowhere_how_many_pods_it_has")
def a_scaler_of_another_kind(objects):
    _scaled(objects)["scaleTargetRef"]["kind"] = "Deployment"


@breaks("pods_come_at_once_and_leave_slowly")
def pods_that_come_late(objects):
    config = _scaled(objects)["advanced"]["horizontalPodAutoscalerConfig"]
    config["behavior"]["scaleUp"]["stabilizationWindowSeconds"] = 60


@breaks("without_prometheus_there_are_never_fewer_pods")
def a_fallback_below_what_cpu_wants(objects):
    _scaled(objects)["fallback"]["behavior"] = "static"


@breaks("without_prometheus_there_are_never_fewer_pods")
def an_empty_answer_that_counts(objects):
    _asking(objects)["metadata"]["ignoreNullValues"] = "true"


@breaks("without_prometheus_there_are_never_fewer_pods")
def a_trigger_that_asks_nothing(objects):
    _asking(objects)["metadata"]["query"] = ""


@breaks("prometheus_asks_everybody_by_the_job_that_rules_know")
def workers_by_a_name_that_no_rule_knows(objects):
    monitor = named(objects, "PodMonitor", "frontrow-processes")
    steps = monitor["spec"]["podMetricsEndpoints"][0]["relabelings"]
    steps[:] = [one for one in steps if one.get("replacement") != "workers"]


@breaks("the_calendar_scales_who_meets_the_crowd_first")
def no_calendar(objects):
    spec = _scaled(objects, "frontrow-fastpath")
    spec["triggers"] = [one for one in spec["triggers"] if one["type"] == "cpu"]


@breaks("the_databases_are_ready_before_the_release")
def a_migration_after_the_release(objects):
    of_kind(objects, "Job")[0]["metadata"]["annotations"]["helm.sh/hook"] = "post-install"


@breaks("the_calendar_is_asked_before_a_release")
def a_release_into_an_opening(objects):
    del pods_of(objects, "setup").spec["initContainers"]


@breaks("what_runs_before_a_release_needs_nothing_of_it")
def a_setup_that_waits_for_its_class(objects):
    pods_of(objects, "setup").spec["priorityClassName"] = "frontrow-workers"


@breaks("work_by_the_clock_is_never_done_twice_at_once")
def two_audits(objects):
    named(objects, "CronJob", "frontrow-audit")["spec"]["concurrencyPolicy"] = "Allow"
