"""What `release verify` says of each answer; the real site's is tests/acceptance."""

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy.cluster.kubectl import Refused
from release import __main__ as command
from release import asking, verify
from tests.delivery.objects import golden, named
from tests.support.small_server import served

NONE = {"default": {"pending": [], "unknown": []}, "idempotency": {"pending": [], "unknown": []}}


def serving(status: int, body: bytes) -> AbstractContextManager[str]:
    """Serve one reply to everybody; yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return served(Handler)


class Site:
    """A site that is as it should be, but for what a test changes."""

    def __init__(self) -> None:
        self.versions = dict.fromkeys(verify.JOBS, "1.4.0")
        self.more: list[tuple[str, str]] = []
        self.series = verify.needed_series()
        self.silent: list[str] = []
        self.migrations = NONE
        self.ready: tuple[int, dict[str, object]] = (200, {"status": "ok"})

    def query(self, words: str) -> list[dict]:
        def one(value: int, **labels: str) -> dict:
            return {"metric": labels, "value": [0, str(value)]}

        if "frontrow_release_info" in words:
            running = [*self.versions.items(), *self.more]
            return [one(2, job=job, version=version) for job, version in running]
        if "== 0" in words:
            return [one(1, job=job) for job in self.silent]
        asked = re.findall(r'__name__=~"(.*?)"', words)[0].split("|")
        return [one(3, __name__=name) for name in asked if name in self.series]


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def look(site) -> Callable[..., dict[str, tuple[str, ...]]]:
    """Return what looks at the site, and what is wrong with it by what was looked at."""

    def looked(expect: str = "1.4.0", token: str = "") -> dict[str, tuple[str, ...]]:
        status, body = site.ready
        with serving(status, json.dumps(body).encode()) as url:
            asked = verify.Site(url, token, site.query, lambda: site.migrations)
            seen = verify.look(asked, expect)
        return {one.at: one.wrong for one in seen if one.wrong}

    return looked


def test_nothing_is_wrong_with_a_site_as_it_should_be(look):
    assert look() == {}
    assert look("") == {}


@pytest.mark.control
def test_control_one_old_process_is_seen(site, look):
    site.more = [("workers", "1.3.0")]
    assert look() == {"version": ("2 of workers run 1.3.0, not 1.4.0",)}
    assert look("") == {"version": ("several releases run: 1.3.0, 1.4.0",)}


@pytest.mark.control
def test_control_a_job_that_nobody_asks_is_seen(site, look):
    del site.versions["stream"]
    assert look() == {"version": ("no process of stream says its release",)}


@pytest.mark.control
@pytest.mark.parametrize("database", ["default", "idempotency"])
@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("pending", "is not applied"),
        ("unknown", "is applied, and this release does not know it"),
    ],
)
def test_control_a_migration_that_does_not_fit_is_seen(site, look, database, kind, says):
    site.migrations = NONE | {database: NONE[database] | {kind: ["points.0004_more"]}}
    assert look() == {"migrations": (f"{database}: points.0004_more {says}",)}


@pytest.mark.control
@pytest.mark.parametrize("name", sorted(verify.needed_series()))
def test_control_each_series_is_missed(site, look, name):
    site.series.remove(name)
    assert look() == {"metrics": (f"Prometheus has no {name}",)}


@pytest.mark.control
def test_control_a_process_that_does_not_respond_is_seen(site, look):
    site.silent = ["consumers"]
    assert look() == {"metrics": ("1 of consumers do not respond",)}


@pytest.mark.control
@pytest.mark.parametrize(
    ("ready", "token", "says"),
    [
        ((503, {"status": "unavailable", "reason": "draining"}), "t", "is not ready: 503 draining"),
        ((503, {"status": "unavailable"}), "", "is not ready: 503"),
        (
            (200, {"parts": {"queue": {"state": "down", "detail": "refused"}}}),
            "t",
            "queue is down: refused",
        ),
        ((200, {"status": "ok"}), "wrong", "refuses the operators' token"),
    ],
)
def test_control_a_site_that_is_not_ready_is_seen(site, look, ready, token, says):
    site.ready = ready
    [wrong] = look(token=token)["readiness"]
    assert wrong.endswith(says)


def test_a_part_that_is_only_slow_or_off_is_nothing_wrong(site, look):
    parts = {
        "kafka": {"state": "off", "detail": ""},
        "clock": {"state": "warning", "detail": "1 s"},
    }
    site.ready = (200, {"parts": parts})
    assert look(token="t") == {}


def test_the_scalers_and_the_analysis_have_what_they_read():
    needed = verify.needed_series()
    assert {"up", "frontrow_wanted_api_pods", "frontrow_audit_violations"} <= needed
    assert "django_http_responses_total_by_status_view_method_total" in needed


def test_the_jobs_are_those_of_the_charts_pods():
    """But beat's, which no laptop shows: where it is missing an alert comes."""
    spec = named(golden(), "PodMonitor", "frontrow-processes")["spec"]
    [selected] = [one["values"] for one in spec["selector"]["matchExpressions"]]
    replaced = {
        rule["regex"]: rule["replacement"]
        for rule in spec["podMetricsEndpoints"][0]["relabelings"]
        if rule.get("sourceLabels") == ["job"]
    }
    jobs = {
        next((job for regex, job in replaced.items() if re.fullmatch(regex, one)), one)
        for one in selected
    }
    assert jobs | {"api"} == {*verify.JOBS, "beat"}


def test_it_is_looked_at_again_until_it_is_right(site):
    now = [0.0]

    def passes(seconds: float) -> None:
        now[0] += seconds
        if now[0] >= 20:
            site.more = []

    site.more = [("api", "1.3.0")]
    with serving(200, b'{"status": "ok"}') as url:
        asked = verify.Site(url, "", site.query, lambda: NONE)
        how = {"clock": lambda: now[0], "pause": passes}
        assert verify.exit_code(verify.await_right(asked, "1.4.0", seconds=10, **how)) == 1
        assert now[0] == 10
        assert verify.exit_code(verify.await_right(asked, "1.4.0", seconds=60, **how)) == 0
        assert now[0] == 20


# ---- a cluster, by kubectl


class Cluster:
    """Stands for kubectl: a Prometheus behind the API server, and pods."""

    def __init__(self, site: Site) -> None:
        self.site, self.asked, self.refuses = site, [], ""

    def run(self, *words: str, **_: object) -> str:
        self.asked.append(words)
        if self.refuses and self.refuses in words:
            raise Refused("Error from server (Forbidden): you may not")
        if words[0] == "get":
            [asked] = parse_qs(urlsplit(words[2]).query)["query"]
            return json.dumps({"data": {"result": self.site.query(asked)}})
        return f"a warning\n{json.dumps(self.site.migrations)}\n"


def command_of(cluster, monkeypatch, *words: str) -> int:
    monkeypatch.setattr(command, "Kubectl", lambda *_, **__: cluster)
    monkeypatch.setenv("OPS_TOKEN", "")
    with serving(200, b'{"status": "ok"}') as url:
        return command.main(["verify", url, "--kubeconfig", "some", *words])


def test_a_cluster_is_asked_by_its_own_door(site, monkeypatch, capsys):
    cluster = Cluster(site)
    assert command_of(cluster, monkeypatch, "--expect", "1.4.0") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{one}: as it should be" for one in ("readiness", "version", "migrations", "metrics")
    ]
    [inside] = [words for words in cluster.asked if words[0] == "exec"]
    assert inside[:4] == ("exec", "deployment/frontrow-state-metrics", "--namespace", "frontrow")
    doors = {words[2].partition("?")[0] for words in cluster.asked if words[0] == "get"}
    service = "/api/v1/namespaces/monitoring/services/prometheus-operated:9090"
    assert doors == {f"{service}/proxy/api/v1/query"}


@pytest.mark.control
@pytest.mark.parametrize(("refuses", "at"), [("exec", "migrations"), ("--raw", "version")])
def test_control_a_cluster_that_refuses_says_nothing_good(site, monkeypatch, capsys, refuses, at):
    cluster = Cluster(site)
    cluster.refuses = refuses
    assert command_of(cluster, monkeypatch, "--json") == 2
    looked = {one["at"]: one["unknown"] for one in json.loads(capsys.readouterr().out)["looked"]}
    assert "you may not" in looked[at]
    assert looked["readiness"] == ""


@pytest.mark.control
def test_control_what_is_wrong_goes_before_what_is_unknown(site, monkeypatch, capsys):
    cluster = Cluster(site)
    cluster.refuses = "exec"
    assert command_of(cluster, monkeypatch, "--expect", "1.5.0") == 1
    assert "2 of api run 1.4.0, not 1.5.0" in capsys.readouterr().out


def test_the_pod_that_is_asked_is_one_of_the_chart():
    kind, _, name = asking._POD.partition("/")
    assert kind == "deployment"
    assert named(golden(), "Deployment", name)


@pytest.mark.control
@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("raise SystemExit('no database')", "no database"),
        ("print('words')", "words"),
        ("import threading; threading.Event().wait()", "no answer in 0.5 s"),
    ],
)
def test_control_code_that_says_no_migrations_says_nothing_good(monkeypatch, program, says):
    monkeypatch.setattr(asking, "_PROGRAM", program)
    monkeypatch.setattr(asking, "_SECONDS", 0.5 if "wait" in program else 120)
    with pytest.raises(verify.CannotAsk, match=says):
        asking.migrations_here({})()


def test_nobody_at_the_url_is_unknown(site):
    asked = verify.Site("http://127.0.0.1:1", "", site.query, lambda: NONE)
    seen = verify.look(asked, "1.4.0")
    assert verify.exit_code(seen) == 2
    assert "127.0.0.1:1" in seen[0].unknown
