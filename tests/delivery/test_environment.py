"""Every setting reaches the pods: from the chart, from `config`, or from a Secret."""

import json
import re
from pathlib import Path

import pytest
import yaml

from kernel import env
from stack.application import STREAM_VARIABLES, WORKERS
from stack.entrance import FASTPATH
from tests.delivery.objects import (
    all_pods,
    environment,
    golden,
    named,
    of_kind,
    pods_of,
)

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "frontrow"
# Of the image (Dockerfile), of one machine alone, or of demo data, which no cluster has.
NOT_OF_A_CLUSTER = {
    *("STATIC_ROOT", "TRACES_PACKAGES", "RELEASE_VERSION", "FRONTROW_RELEASE"),
    *("LOG_FOLDER", "CONSUMER_LIVENESS_FILE"),
    *("DEMO_ADMIN_EMAIL", "DEMO_ADMIN_PASSWORD", "FRONTROW_DEMO_PASSWORD"),
    "RELEASE_COLOR",  # of two stacks beside each other; a cluster knows releases by their pods
}
# Without them a process does not start, so no pod may leave them out.
REQUIRED = {
    *("SECRET_KEY", "OPS_TOKEN", "DATABASE_URL", "IDEMPOTENCY_DATABASE_URL", "EMAIL_URL"),
    *("REDIS_CACHE_URL", "REDIS_LOCK_URL", "REDIS_QUEUE_URL", "CELERY_BROKER_URL"),
}
WORKER = re.compile(r"worker-(\w+)")


def _schema():
    return json.loads((CHART / "values.schema.json").read_text())["properties"]


def _settings():
    return named(golden(), "ConfigMap", "frontrow-environment")["data"]


def _values():
    return yaml.safe_load((CHART / "values.yaml").read_text())


def _django(objects):
    """Return the pods whose main process is Django's."""
    return [pods for pods in all_pods(objects) if pods.component != "stream"]


def _given_by_pods(objects):
    return {name for pods in _django(objects) for name in environment(pods.main)}


def test_every_setting_can_be_given():
    objects = golden()
    by_chart = (_settings().keys() | _given_by_pods(objects)) - _schema()["config"][
        "properties"
    ].keys()
    by_values = _schema()["config"]["properties"].keys() | {
        *_schema()["kafka"]["properties"]["config"]["properties"]
    }
    assert env.declared.keys() - by_chart - by_values - NOT_OF_A_CLUSTER == set()
    assert by_values & by_chart - {*_values()["kafka"]["config"], "KAFKA_SASL_USERNAME"} == set()


def test_the_chart_gives_nothing_that_nobody_reads():
    read_elsewhere = {"DJANGO_SETTINGS_MODULE", "FLOWER_BASIC_AUTH", "PROMETHEUS_MULTIPROC_DIR"}
    read = env.declared.keys() | read_elsewhere
    assert (_settings().keys() | _given_by_pods(golden())) - read == set()
    assert _schema()["config"]["properties"].keys() - env.declared.keys() == set()


def test_secrets_come_from_the_secret_and_settings_from_the_settings():
    secret = {name for name, setting in env.declared.items() if setting.secret}
    for pods in _django(golden()):
        for name, entry in environment(pods.main).items():
            named_secret = "secretKeyRef" in entry.get("valueFrom", {})
            assert named_secret == (name in secret | {"FLOWER_BASIC_AUTH"}), name
    assert _settings().keys() & secret == set()
    assert _schema()["config"]["properties"].keys() & secret == set()


@pytest.mark.parametrize("component", ["api", "worker-relay", "consumers", "setup", "beat"])
def test_a_pod_without_a_secret_that_it_needs_does_not_start(component):
    given = environment(pods_of(golden(), component).main)
    for name in REQUIRED:
        assert not given[name]["valueFrom"]["secretKeyRef"].get("optional"), name


def test_setup_has_the_settings_that_the_others_have():
    given = environment(pods_of(golden(), "setup").main)
    assert {name: given[name]["value"] for name in _settings()} == _settings()


def test_who_knows_no_kafka_cannot_ask_it():
    speak = {
        pods.component
        for pods in _django(golden())
        if "KAFKA_BOOTSTRAP_SERVERS" in environment(pods.main)
    }
    assert speak == {"worker-relay", "consumers", "audit"}
    assert not [name for name in _settings() if name.startswith("KAFKA_")]


@pytest.mark.parametrize("worker", WORKERS)
def test_a_worker_serves_the_queues_that_it_serves_in_the_local_stack(worker):
    pods = pods_of(golden(), f"worker-{worker}")
    command = pods.main["command"]
    queues, threads, _ = WORKERS[worker]
    assert command[command.index("-Q") + 1] == queues
    assert command[command.index("-c") + 1] == str(threads)
    assert command[command.index("-n") + 1] == f"{worker}@%h"
    # The port is found by the node's name.
    assert environment(pods.main)["WORKER_METRICS_PORTS"]["value"] == f"{worker}=9105"


def test_there_is_no_worker_that_the_stack_has_not():
    found = {match[1] for pods in all_pods(golden()) if (match := WORKER.match(pods.component))}
    assert found == WORKERS.keys()


@pytest.mark.parametrize("kind", FASTPATH)
def test_a_fastpath_serves_the_routes_that_it_serves_in_the_local_stack(kind):
    command = pods_of(golden(), kind).main["command"]
    assert command[:3] == ["python", "-m", "fastpath"]
    assert command[command.index("--routes") + 1] == FASTPATH[kind]


def test_the_streams_get_what_they_know_and_nothing_of_ours():
    given = environment(pods_of(golden(), "stream").main)
    assert given.keys() == {"STREAM_SOURCE_URL", "METRICS_HOST", "DRAIN_FILE", "OTEL_SERVICE_NAME"}
    assert not any("valueFrom" in entry for entry in given.values())
    assert _schema()["stream"]["properties"]["config"]["properties"].keys() == STREAM_VARIABLES


def _composed_gateway():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["gateway"]


def test_the_gateway_gets_the_words_that_it_gets_in_the_composed_stack():
    """The same entry point fills in the same template there (tests/stack/test_containers.py)."""
    before = pods_of(golden(), "api").spec["initContainers"]
    gateway = next(one for one in before if one["name"] == "gateway")
    assert environment(gateway).keys() == _composed_gateway()["environment"].keys()
    assert gateway["image"] == _composed_gateway()["image"]
    assert gateway["command"][-3:] == _composed_gateway()["command"]


def test_the_gateway_knows_every_fastpath_that_there_may_be():
    before = pods_of(golden(), "api").spec["initContainers"]
    words = environment(next(one for one in before if one["name"] == "gateway"))
    services = {one["metadata"]["name"] for one in of_kind(golden(), "Service")}
    for word in ("FASTPATHS", "FASTPATH_SALES"):
        servers = words[word]["value"].split(",")
        assert len(servers) == 12
        for server in servers:
            name, _, port = server.partition(":")
            assert (name in services, port) == (True, "8002")


def test_the_gateways_rules_and_files_come_from_the_image():
    files = pods_of(golden(), "api").spec["initContainers"][0]
    assert files["name"] == "files"
    for path in files["command"][2:-2]:
        assert (ROOT / path).is_file(), path
    assert files["command"][-2:] == ["static", "/files/"]  # of STATIC_ROOT in the image


def test_no_variable_of_kubernetes_hides_one_of_ours():
    """A Service `frontrow` would come as FRONTROW_PORT, which the stack's settings read."""
    assert all(pods.spec["enableServiceLinks"] is False for pods in all_pods(golden()))


def test_more_consumers_than_partitions_are_never_wanted():
    most = named(golden(), "ScaledObject", "frontrow-consumers")["spec"]["maxReplicaCount"]
    given = environment(pods_of(golden(), "consumers").main)
    assert most <= int(given["KAFKA_TOPIC_PARTITIONS"]["value"])


def test_production_has_the_copies_that_its_settings_demand():
    given = environment(pods_of(golden(), "worker-relay").main)
    assert int(given["KAFKA_TOPIC_REPLICATION"]["value"]) >= 3
    assert int(given["KAFKA_TOPIC_MIN_INSYNC"]["value"]) >= 2
    assert of_kind(golden(), "ExternalSecret")


def test_a_session_of_a_migration_waits_for_a_lock_for_seconds_at_most(settings):
    for name in ("default", "idempotency"):
        assert "lock_timeout=3s" in settings.DATABASES[name]["OPTIONS"]["options"]
