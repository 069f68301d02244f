"""The parts of the stack, which of them run here, and the environment that leads to them."""

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stack import application, entrance, observe, servers
from stack.data_dir import ROOT, DataDir, release
from stack.errors import StackError
from stack.packages import installed
from stack.postgres.cluster import APPLICATION
from stack.process import Tools
from stack.process_registry import read_json
from stack.profiles import BROKERS, HA, MEMBERS, NODES, OBSERVING, PLAIN, Profile
from stack.programs import Programs, find_programs
from stack.service import HOST, Service
from stack.settings import SANDBOX_VARIABLES, SERVER_VARIABLES, from_outside
from stack.valkey import ROLES

__all__ = ["Programs", "find_programs"]

PARTS = (
    "gateway",
    "api",
    "fastpath",
    "stream",
    "sandbox",
    "workers",
    "beat",
    "consumers",
    "flower",
    "mail",
    "primary",
    "replica",
    *ROLES,
    "kafka",
)
TRACING = ROOT / "requirements" / "tracing.txt"
ALL_PARTS = (*PARTS, *HA.parts(), *OBSERVING)
LOGIN = "frontrow"
ADMIN = "admin@example.com"
# Known, so that documents and scripts can name it: these people exist on 127.0.0.1 alone.
DEMO_PASSWORD = "frontrow-demo-1"  # noqa: S105


def local_environment(
    data_dir: DataDir, ports: Mapping[str, int], profile: Profile = PLAIN
) -> dict[str, str]:
    """Return what leads to the stack's own parts, whether they run here or not."""
    made = data_dir.secrets
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "SECRET_KEY": made["secret_key"],
        "FRONTROW_URL": f"http://{HOST}:{ports['gateway']}",
        "STOREFRONT_URL": f"http://{HOST}:{ports['gateway']}",
        "TRUSTED_PROXY_COUNT": "1",  # the gateway says who asks
        "CELERY_BROKER_URL": f"redis://{HOST}:{ports['broker']}/0",
        **_databases(made["postgres_application"], ports, profile),
        **_valkey(ports, profile),
        **_kafka(ports, profile),
        "EMAIL_URL": f"smtp://{HOST}:{ports['smtp']}",
        "MAIL_URL": f"http://{HOST}:{ports['inbox']}",
        "SIGNING_KEYS_FILE": str(data_dir.root / "signing-keys.json"),
        "STATIC_ROOT": str(data_dir.home / "static"),  # where the gateway's user gets to
        "STREAM_HEALTH_URL": f"http://{HOST}:{ports['stream']}/healthz/ready",
        "STORAGE_URL": f"file://{data_dir.home}",  # the same
        "PAYMENT_GATEWAY": "sandbox",
        "PAYMENT_GATEWAY_URL": f"http://{HOST}:{ports['sandbox']}",
        "PAYMENT_GATEWAY_SECRET": f"test_sk_{made['payment_secret']}",
        "PAYMENT_WEBHOOK_SECRETS": made["webhook_secret"],
        "FLOWER_URL": f"http://{HOST}:{ports['flower']}",
        "FLOWER_BASIC_AUTH": f"{LOGIN}:{made['flower_password']}",
        "OPS_TOKEN": made["ops_token"],
        "FRONTROW_RELEASE": release(),
        "LOG_FOLDER": str(data_dir.logs),
        "FRONTROW_DEMO_PASSWORD": DEMO_PASSWORD,
        "DEMO_ADMIN_EMAIL": ADMIN,
        "DEMO_ADMIN_PASSWORD": made["admin_password"],
    }


def _databases(password: str, ports: Mapping[str, int], profile: Profile) -> dict[str, str]:
    def url(part: str, name: str) -> str:
        login = f"{APPLICATION}:{password}"
        if not profile.replaces(part):
            return f"postgresql://{login}@{HOST}:{ports[part]}/{name}"
        # Any member may lead: which one takes writes is asked of each.
        members = ",".join(f"{HOST}:{ports[member]}" for member in MEMBERS)
        wanted = {"primary": "read-write", "replica": "prefer-standby"}[part]
        return f"postgresql://{login}@{members}/{name}?target_session_attrs={wanted}"

    return {
        "DATABASE_URL": url("primary", "frontrow"),
        "REPLICA_URL": url("replica", "frontrow"),
        "IDEMPOTENCY_DATABASE_URL": url("primary", "idempotency"),
    }


def _valkey(ports: Mapping[str, int], profile: Profile) -> dict[str, str]:
    def url(role: str) -> str:
        if not profile.replaces(role):
            return f"redis://{HOST}:{ports[role]}/0"
        nodes = ",".join(f"{HOST}:{ports[node]}" for node in NODES[role])
        return f"redis+cluster://{nodes}/0"

    return {f"REDIS_{role.upper()}_URL": url(role) for role in ("cache", "lock", "queue")}


def _kafka(ports: Mapping[str, int], profile: Profile) -> dict[str, str]:
    if not profile.replaces("kafka"):
        return {"KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{ports['kafka']}"}
    return {
        "KAFKA_BOOTSTRAP_SERVERS": ",".join(f"{HOST}:{ports[broker]}" for broker in BROKERS),
        "KAFKA_TOPIC_REPLICATION": "3",
        "KAFKA_TOPIC_MIN_INSYNC": "2",
    }


@dataclass
class Plan:
    """What this start will run, and why the rest doesn't."""

    services: list[Service]
    absent: dict[str, str]  # part: why it doesn't run here
    environment: dict[str, str]

    def parts(self) -> set[str]:
        return {service.part for service in self.services}

    def take(self, values: Mapping[str, str]) -> list[str]:
        """Give variables to what is started from now on; return the parts that have any of them.

        Raises StackError for a variable that no part has.
        """
        unknown = sorted(values.keys() - self.environment.keys())
        if unknown:
            raise StackError(f"no part takes {', '.join(unknown)}")
        self.environment |= values
        return list(dict.fromkeys(one.part for one in self.services if one.take(values)))


def plan(
    data_dir: DataDir,
    ports: Mapping[str, int],
    found: Programs,
    tools: Tools,
    *,
    reload: bool = False,
    profile: Profile = PLAIN,
) -> Plan:
    """Decide which parts run here, from the environment and from what can be had."""
    local = local_environment(data_dir, ports, profile)
    outside = from_outside(local, read_json(data_dir.run / "local.json"))
    environment = local | outside
    absent = {part: "external" for name, part in SERVER_VARIABLES.items() if name in outside}
    if "DATABASE_URL" in outside and "REPLICA_URL" not in outside:
        # No copy can be made of a server that isn't ours.
        environment["REPLICA_URL"] = environment["DATABASE_URL"]
        absent["replica"] = "external: reads go to DATABASE_URL"
    if not {"DATABASE_URL", "IDEMPOTENCY_DATABASE_URL"} <= outside.keys():
        absent.pop("primary", None)  # at least one database still lives there
    if "mail" in absent:
        environment["MAIL_URL"] = ""  # nobody here shows what that server takes
    if "kafka" not in absent and isinstance(found.kafka_jars, StackError):
        absent["kafka"] = f"off: {found.kafka_jars}; events wait in the outbox"
        environment["KAFKA_BOOTSTRAP_SERVERS"] = ""
    elif not environment["KAFKA_BOOTSTRAP_SERVERS"]:
        absent["kafka"] = "off: KAFKA_BOOTSTRAP_SERVERS is empty; events wait in the outbox"
    if "sandbox" in absent:
        for name in SANDBOX_VARIABLES - outside.keys():
            del environment[name]
    if isinstance(found.nginx, StackError):
        absent["gateway"] = f"off: {found.nginx}; the API is the entry"
        absent["fastpath"] = absent["stream"] = "off: no gateway stands in front of it"
        alone = _without_gateway(ports[profile.instances("api")[0]])
        environment |= {name: alone[name] for name in alone.keys() - outside.keys()}
    for part, stand_ins in profile.stand_ins.items():
        absent |= dict.fromkeys(stand_ins, absent[part]) if part in absent else {}
    environment |= _tracing(data_dir, tools)
    services = [
        service
        for service in _services(
            data_dir, ports, found, tools, environment, reload=reload, profile=profile
        )
        if service.part not in absent
    ]
    made = Plan(services, absent, environment)
    if profile.is_observed:
        _observe(made, data_dir, ports, found, profile)
    return made


def _without_gateway(api: int) -> dict[str, str]:
    """Return what differs where the API is the entry."""
    entry = f"http://{HOST}:{api}"
    return {
        "FRONTROW_URL": entry,
        "STOREFRONT_URL": entry,
        "TRUSTED_PROXY_COUNT": "0",
        "STREAM_HEALTH_URL": "",
    }


def _observe(
    made: Plan, data_dir: DataDir, ports: Mapping[str, int], found: Programs, profile: Profile
) -> None:
    """Add what observes the services of a plan."""
    made.absent |= observe.absent(found.observers)
    for part in ("prometheus", "alertmanager"):
        if part not in made.absent:
            made.environment[f"{part.upper()}_URL"] = f"http://{HOST}:{ports[part]}"
    inherited = _inherited(made.environment)
    made.services += observe.services(
        data_dir, inherited, ports, profile, found.observers, observed=list(made.services)
    )


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}


def _tracing(data_dir: DataDir, tools: Tools) -> dict[str, str]:
    """Return where the packages are that record traces, installed if an endpoint is set."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("TRACES_PACKAGES"):
        return {}
    if importlib.util.find_spec("opentelemetry.sdk"):
        return {}
    return {"TRACES_PACKAGES": str(installed(TRACING, data_dir.downloads, tools))}


def _services(
    data_dir: DataDir,
    ports: Mapping[str, int],
    found: Programs,
    tools: Tools,
    environment: dict[str, str],
    *,
    reload: bool,
    profile: Profile,
) -> list[Service]:
    site = servers.host_of(data_dir, tools, found.archive)
    needed = servers.postgres(data_dir, ports, site, found)
    needed += servers.valkey(data_dir.root / "valkey", ports, profile)
    others: list[Service] = []
    if isinstance(found.kafka_jars, Path):
        place = data_dir.root / "kafka"
        others += servers.brokers(place, ports, found.kafka_jars, tools, profile)
    inherited = _inherited(environment)
    # Reads go to the primary until the replica is there.
    names = tuple(server.name for server in needed if server.part != "replica")
    setup = application.setup(data_dir, inherited, tools, servers=names)
    behind = entrance.behind_gateway(data_dir, inherited, ports, profile, reload=reload)
    ours = application.services(data_dir, inherited, ports)
    ours.append(application.Stream(inherited, ports))
    if isinstance(found.nginx, Path):
        ours.append(entrance.gateway(data_dir, environment, ports, found.nginx, behind))
    if environment["PAYMENT_GATEWAY"] == "sandbox":
        ours.append(application.Sandbox(data_dir, environment, ports["sandbox"]))
    return [*needed, *others, *setup, *behind, *ours]
