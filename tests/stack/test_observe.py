"""What an observed stack asks, and what it says where a program is missing."""

import json
import subprocess
from pathlib import Path

import pytest

from stack import cli, observe, observers, topology
from stack.data_dir import DataDir, default_data
from stack.errors import StackError
from stack.observe.targets import alerting, configuration
from stack.process import Tools
from stack.profiles import HA, OBSERVING, PLAIN
from stack.programs import Programs
from stack.settings import PORTS, SERVER_VARIABLES, ports
from stack.topology import plan

PROGRAM = Path("/debian/usr/bin/program")
FOUND = {one.program: PROGRAM for one in observers.AT_WORK}
JOBS = {
    *("api", "fastpath", "stream", "workers", "consumers", "state", "postgres", "valkey"),
    *("kafka", "node", "nginx", "gateway", "prometheus", "alertmanager"),
}


@pytest.fixture(autouse=True)
def _servers_of_its_own(monkeypatch):
    for name in (*SERVER_VARIABLES, "FRONTROW_URL", "OPS_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def data_dir(tmp_path):
    made = DataDir(tmp_path / "data").make()
    yield made
    made.erase(downloads=True)


def made(data_dir, profile=PLAIN, found=FOUND, **more):
    programs = Programs(PROGRAM, PROGRAM, **more, observers=found)
    return plan(data_dir, ports({}, profile=profile), programs, Tools(), profile=profile)


def scrapes(of):
    [prometheus] = [one for one in of.services if one.name == "prometheus"]
    return {one["job_name"]: one for one in json.loads(prometheus.configuration)["scrape_configs"]}


def test_a_stack_that_nobody_observes_has_no_part_and_no_port_of_it(data_dir):
    assert len(ports({})) == len(PORTS)
    plain = made(data_dir)
    assert not set(OBSERVING) & plain.parts()
    environments = [one.environment for one in plain.services if one.name == "api"]
    assert all("METRIC_STATE" not in one for one in environments)
    [kafka] = [one for one in plain.services if one.name == "kafka"]
    assert not [word for word in kafka.command().argv if "javaagent" in word]


def test_every_port_of_an_observed_one_has_a_variable_and_a_part_that_runs(data_dir):
    for profile in (PLAIN.observed(), HA.observed()):
        every = [*PORTS, *profile.ports]
        assert len({port.variable for port in every}) == len(every)
        assert {port.part for port in profile.ports} <= set(topology.ALL_PARTS)
        assert len(set(ports({}, profile=profile).values())) == len(every)
    assert set(OBSERVING) <= made(data_dir, PLAIN.observed()).parts()


def test_each_part_is_asked_under_its_own_name(data_dir):
    jobs = scrapes(made(data_dir, PLAIN.observed()))
    assert set(jobs) == JOBS
    instances = {
        name: [target["labels"]["instance"] for target in job["static_configs"]]
        for name, job in jobs.items()
    }
    assert instances["api"] == ["api"]
    assert instances["postgres"] == ["primary", "replica"]
    assert instances["valkey"] == ["cache", "lock", "queue", "broker"]
    assert instances["fastpath"] == ["fastpath", "fastpath-sale"]
    assert {one["labels"]["role"] for one in jobs["valkey"]["static_configs"]} == {
        *("cache", "lock", "queue", "broker")
    }


def test_with_spare_parts_each_of_them_is_asked():
    profile = HA.observed()
    names = {*topology.ALL_PARTS, *(f"exporter-{one}" for one in profile.postgres())}
    text = configuration(
        ports({}, profile=profile),
        profile,
        {*names, "redis-exporter"},
        rules=Path("/rules"),
        token=Path("/token"),
    )
    jobs = {one["job_name"]: one for one in json.loads(text)["scrape_configs"]}
    counts = {name: len(job["static_configs"]) for name, job in jobs.items()}
    assert counts["postgres"] == counts["patroni"] == counts["kafka"] == 3
    assert counts["valkey"] == 6 + 6 + 2
    assert counts["api"] == 2
    assert counts["etcd"] == 1


def test_the_api_leaves_the_state_to_its_exporter(data_dir, monkeypatch):
    monkeypatch.delenv("METRIC_STATE", raising=False)
    services = {one.name: one for one in made(data_dir, PLAIN.observed()).services}
    assert services["api"].environment["METRIC_STATE"] == "false"
    assert "METRIC_STATE" not in services["state-metrics"].environment


def test_all_of_it_listens_on_this_machine_alone(data_dir):
    for one in made(data_dir, PLAIN.observed()).services:
        if one.part in {"prometheus", "alertmanager", "exporters"}:
            words = [word for word in one.command().argv if "listen-address=" in word]
            addresses = {word.rpartition("=")[2].rpartition(":")[0] for word in words}
            assert addresses <= {"127.0.0.1", ""}, one.name  # "": no cluster at all
            assert "127.0.0.1" in addresses, one.name


def test_no_secret_stands_in_a_command_line_or_a_file_that_others_read(data_dir):
    secrets = set(data_dir.secrets.values())
    observed = made(data_dir, PLAIN.observed())
    for one in observed.services:
        if one.part in OBSERVING:
            words = " ".join(one.command().argv)
            assert not [secret for secret in secrets if secret in words], one.name
    [prometheus] = [one for one in observed.services if one.name == "prometheus"]
    assert not [secret for secret in secrets if secret in prometheus.configuration]
    token = data_dir.run / "ops-token"
    assert token.read_text() == data_dir.secrets["ops_token"]
    assert token.stat().st_mode & 0o077 == 0


def test_a_program_that_is_missing_costs_its_part_and_one_line(data_dir):
    missing = FOUND | {
        observers.ALERTMANAGER.program: StackError("no Debian"),
        observers.NODE_EXPORTER.program: StackError("no Debian"),
    }
    observed = made(data_dir, PLAIN.observed(), missing)
    assert observed.absent["alertmanager"] == "off: no Debian"
    assert observed.absent["node-exporter"] == "off: no Debian"
    names = {one.name for one in observed.services}
    assert not {"alertmanager", "node-exporter"} & names
    assert {"prometheus", "redis-exporter"} <= names
    assert "ALERTMANAGER_URL" not in observed.environment
    assert set(scrapes(observed)) == JOBS - {"alertmanager", "node"}


def test_a_server_that_runs_elsewhere_is_not_asked(data_dir, monkeypatch):
    monkeypatch.setenv("REDIS_LOCK_URL", "redis://elsewhere/0")
    monkeypatch.setenv("REPLICA_URL", "postgresql://elsewhere/x")
    jobs = scrapes(made(data_dir, PLAIN.observed()))
    asked = [one["labels"]["instance"] for one in jobs["valkey"]["static_configs"]]
    assert asked == ["cache", "queue", "broker"]
    assert len(jobs["postgres"]["static_configs"]) == 1


def test_alerts_go_to_the_webhook_or_nowhere():
    assert "webhook_configs" not in alerting("")
    [receiver] = json.loads(alerting("http://127.0.0.1:9/alerts"))["receivers"]
    [webhook] = receiver["webhook_configs"]
    assert webhook == {"url": "http://127.0.0.1:9/alerts", "send_resolved": True}
    with pytest.raises(StackError, match="ALERT_WEBHOOK_URL"):
        alerting("file:///etc/passwd")


def test_prometheus_and_alertmanager_accept_what_is_written(data_dir, tmp_path):
    downloads = default_data() / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    [prometheus] = [
        one for one in made(data_dir, PLAIN.observed()).services if one.name == "prometheus"
    ]
    for observer, check, text in (
        (observers.PROMTOOL, ("check", "config"), prometheus.configuration),
        (observers.AMTOOL, ("check-config",), alerting("http://127.0.0.1:9/")),
    ):
        path = tmp_path / f"{observer.program}.yml"
        path.write_text(text)
        argv = [observer.path(downloads, Tools()), *check, path]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_line_asks_for_it():
    assert cli.parser().parse_args(["up", "--observe", "--profile", "ha"]).observe
    assert observe.absent({}) == {}
