"""The services that observe a stack; each listens on this machine alone."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from stack import observers
from stack.application import MANAGE, Program
from stack.data_dir import ROOT, DataDir
from stack.errors import StackError
from stack.observe.alertmanager import Alertmanager
from stack.observe.targets import alerting, configuration
from stack.observe.watcher import ExporterProcess, Watcher
from stack.os_users import private_file
from stack.postgres.cluster import OBSERVER
from stack.profiles import Profile
from stack.service import HOST, Service

WEBHOOK_VARIABLE = "ALERT_WEBHOOK_URL"
RULES = ROOT / "observability" / "rules"
QUERIES = Path(__file__).with_name("postgres.yml")
# Of a machine on which people try things out: a week to compare with, and no full disk.
RETENTION = ("--storage.tsdb.retention.time=8d", "--storage.tsdb.retention.size=1GB")


def absent(found: Mapping[str, Path | StackError]) -> dict[str, str]:
    """Return which parts and exporters can't be had, and why."""
    names = {
        observers.PROMETHEUS: "prometheus",
        observers.ALERTMANAGER: "alertmanager",
        observers.POSTGRES_EXPORTER: "postgres-exporter",
        observers.REDIS_EXPORTER: "redis-exporter",
        observers.NODE_EXPORTER: "node-exporter",
        observers.NGINX_EXPORTER: "nginx-exporter",
    }
    why = {name: found.get(one.program) for one, name in names.items()}
    return {name: f"off: {error}" for name, error in why.items() if isinstance(error, StackError)}


def services(
    data_dir: DataDir,
    environment: Mapping[str, str],
    ports: Mapping[str, int],
    profile: Profile,
    found: Mapping[str, Path | StackError],
    observed: Iterable[Service],
) -> list[Service]:
    """Return what observes the services `observed`, as far as its programs can be had."""
    names = {service.name for service in observed}
    argv = (*MANAGE, "state_metrics", "--port", str(ports["state-metrics"]))
    port = ports["state-metrics"]
    state = Program("state-metrics", "state-metrics", argv, environment, port=port)
    made = [state, *_exporters(data_dir, ports, profile, found, names)]
    seen = names | {service.name for service in made}
    return [*made, *_watchers(data_dir, environment, ports, profile, found, seen)]


def _exporters(
    data_dir: DataDir,
    ports: Mapping[str, int],
    profile: Profile,
    found: Mapping[str, Path | StackError],
    names: set[str],
) -> list[Service]:
    def listen(name: str, flag: str = "--web.listen-address") -> str:
        return f"{flag}={HOST}:{ports[name]}"

    made: list[Service] = []
    program = found.get(observers.POSTGRES_EXPORTER.program)
    if isinstance(program, Path):
        # pg_stat_bgwriter has other columns than this release asks for.
        options = ("--no-collector.bgwriter", f"--extend.query-path={QUERIES}")
        password = data_dir.secrets["postgres_observer"]
        for server in profile.postgres():
            if server not in names:
                continue
            name = f"exporter-{server}"
            url = f"postgresql://{OBSERVER}:{password}@{HOST}:{ports[server]}/frontrow"
            source = {"DATA_SOURCE_NAME": f"{url}?sslmode=disable&connect_timeout=2"}
            argv: tuple[str, ...] = (str(program), *options, listen(name), "--log.level=error")
            made.append(
                ExporterProcess(name, argv, ports[name], after=(server,), environment=source)
            )
    program = found.get(observers.REDIS_EXPORTER.program)
    if isinstance(program, Path):
        argv = (str(program), "-redis.addr=", listen("redis-exporter"), "-connection-timeout=2s")
        made.append(ExporterProcess("redis-exporter", argv, ports["redis-exporter"]))
    program = found.get(observers.NODE_EXPORTER.program)
    if isinstance(program, Path):
        data_dir.figures.mkdir(mode=0o700, exist_ok=True)
        figures = f"--collector.textfile.directory={data_dir.figures}"
        argv = (str(program), listen("node-exporter"), figures, "--log.level=error")
        made.append(ExporterProcess("node-exporter", argv, ports["node-exporter"]))
    program = found.get(observers.NGINX_EXPORTER.program)
    if isinstance(program, Path) and "gateway" in names:
        status = f"http://{HOST}:{ports['gateway-status']}/status"
        # At its start alone it waits for the gateway.
        argv = (
            *(str(program), f"-nginx.scrape-uri={status}", listen("nginx-exporter")),
            *("-nginx.retries=100", "-nginx.retry-interval=500ms"),
        )
        port = ports["nginx-exporter"]
        made.append(ExporterProcess("nginx-exporter", argv, port, after=("gateway",)))
    return made


def _watchers(
    data_dir: DataDir,
    environment: Mapping[str, str],
    ports: Mapping[str, int],
    profile: Profile,
    found: Mapping[str, Path | StackError],
    names: set[str],
) -> list[Service]:
    made: list[Service] = []
    program = found.get(observers.ALERTMANAGER.program)
    if isinstance(program, Path):
        text = alerting(os.environ.get(WEBHOOK_VARIABLE, ""))
        folder = data_dir.root / "alertmanager"
        made.append(Alertmanager(program, ports["alertmanager"], folder, text))
    program = found.get(observers.PROMETHEUS.program)
    if isinstance(program, Path):
        folder = data_dir.root / "prometheus"
        token = private_file(data_dir.run / "ops-token", environment["OPS_TOKEN"])
        port = ports["prometheus"]
        web = program.parents[1] / "share" / "prometheus" / "web"
        argv = (
            *(str(program), f"--config.file={folder}/configuration.yml", *RETENTION),
            *(f"--storage.tsdb.path={folder}/data", f"--web.local-assets={web}"),
            *(f"--web.listen-address={HOST}:{port}", "--log.level=warn"),
            # Pages of other sites must not read it through a browser on this machine.
            rf"--web.cors.origin=http://{HOST.replace('.', chr(92) + '.')}:{port}",
        )
        running = {*names, "prometheus", *(one.name for one in made)}
        text = configuration(ports, profile, running, rules=RULES, token=token)
        after = tuple(one.name for one in made)
        made.append(Watcher("prometheus", argv, port, folder, text, after=after))
    return made
