"""The parts of the stack, which of them run here, and the environment that leads to them."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from stack import application, gateway, kafka
from stack.data_dir import DataDir
from stack.errors import StackError
from stack.postgres.binaries import programs
from stack.postgres.cluster import APPLICATION, PostgresHost
from stack.postgres.primary import Primary
from stack.postgres.replica import Replica
from stack.process import Tools
from stack.process_registry import read_json
from stack.service import HOST, Service
from stack.settings import SANDBOX_VARIABLES, SERVER_VARIABLES, from_outside, gateway_options
from stack.valkey import ROLES, Valkey

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
LOGIN = "frontrow"
ADMIN = "admin@example.com"
# Known, so that documents and scripts can name it: these people exist on 127.0.0.1 alone.
DEMO_PASSWORD = "frontrow-demo-1"  # noqa: S105


def local_environment(data_dir: DataDir, ports: Mapping[str, int]) -> dict[str, str]:
    """Return what leads to the stack's own parts, whether they run here or not."""
    made = data_dir.secrets

    def database(part: str, name: str) -> str:
        password = made["postgres_application"]
        return f"postgresql://{APPLICATION}:{password}@{HOST}:{ports[part]}/{name}"

    return {
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "SECRET_KEY": made["secret_key"],
        "FRONTROW_URL": f"http://{HOST}:{ports['gateway']}",
        "STOREFRONT_URL": f"http://{HOST}:{ports['gateway']}",
        "TRUSTED_PROXY_COUNT": "1",  # the gateway says who asks
        "DATABASE_URL": database("primary", "frontrow"),
        "REPLICA_URL": database("replica", "frontrow"),
        "IDEMPOTENCY_DATABASE_URL": database("primary", "idempotency"),
        "REDIS_CACHE_URL": f"redis://{HOST}:{ports['cache']}/0",
        "REDIS_LOCK_URL": f"redis://{HOST}:{ports['lock']}/0",
        "REDIS_QUEUE_URL": f"redis://{HOST}:{ports['queue']}/0",
        "CELERY_BROKER_URL": f"redis://{HOST}:{ports['broker']}/0",
        "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{ports['kafka']}",
        "EMAIL_URL": f"smtp://{HOST}:{ports['smtp']}",
        "MAIL_URL": f"http://{HOST}:{ports['inbox']}",
        "SIGNING_KEYS_FILE": str(data_dir.root / "signing-keys.json"),
        "STATIC_ROOT": str(data_dir.home / "static"),  # where the gateway's user gets to
        "STREAM_HEALTH_URL": f"http://{HOST}:{ports['stream']}/healthz/ready",
        "MEDIA_ROOT": str(data_dir.home / "media"),  # the same
        "PAYMENT_GATEWAY": "sandbox",
        "PAYMENT_GATEWAY_URL": f"http://{HOST}:{ports['sandbox']}",
        "PAYMENT_GATEWAY_SECRET": f"test_sk_{made['payment_secret']}",
        "PAYMENT_WEBHOOK_SECRETS": made["webhook_secret"],
        "FLOWER_URL": f"http://{HOST}:{ports['flower']}",
        "FLOWER_BASIC_AUTH": f"{LOGIN}:{made['flower_password']}",
        "OPS_TOKEN": made["ops_token"],
        "FRONTROW_DEMO_PASSWORD": DEMO_PASSWORD,
        "DEMO_ADMIN_EMAIL": ADMIN,
        "DEMO_ADMIN_PASSWORD": made["admin_password"],
    }


@dataclass
class Plan:
    """What this start will run, and why the rest doesn't."""

    services: list[Service]
    absent: dict[str, str]  # part: why it doesn't run here
    environment: dict[str, str]

    def parts(self) -> set[str]:
        return {service.part for service in self.services}


@dataclass(frozen=True)
class Programs:
    """Where the programs that may be missing are, or why they can't be had."""

    kafka_jars: Path | StackError
    nginx: Path | StackError


def find_programs(data_dir: DataDir, tools: Tools) -> Programs:
    """Find or fetch, both at a time, what doesn't come with the virtualenv."""

    def attempt(find: Callable[[Path, Tools], Path]) -> Path | StackError:
        try:
            return find(data_dir.downloads, tools)
        except StackError as error:
            return error

    def with_java(downloads: Path, tools: Tools) -> Path:
        kafka.java()
        return kafka.jars(downloads, tools)

    with ThreadPoolExecutor(2) as pool:
        jars = pool.submit(attempt, with_java)
        program = pool.submit(attempt, gateway.nginx)
        return Programs(jars.result(), program.result())


def plan(
    data_dir: DataDir,
    ports: Mapping[str, int],
    found: Programs,
    tools: Tools,
    *,
    reload: bool = False,
) -> Plan:
    """Decide which parts run here, from the environment and from what can be had."""
    local = local_environment(data_dir, ports)
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
        entry = f"http://{HOST}:{ports['api']}"
        alone = {"FRONTROW_URL": entry, "STOREFRONT_URL": entry, "TRUSTED_PROXY_COUNT": "0"}
        environment |= {name: alone[name] for name in alone.keys() - outside.keys()}
        absent["fastpath"] = absent["stream"] = "off: no gateway stands in front of it"
        environment["STREAM_HEALTH_URL"] = outside.get("STREAM_HEALTH_URL", "")
    services = [
        service
        for service in _services(data_dir, ports, found, tools, environment, reload=reload)
        if service.part not in absent
    ]
    return Plan(services, absent, environment)


def _services(
    data_dir: DataDir,
    ports: Mapping[str, int],
    found: Programs,
    tools: Tools,
    environment: dict[str, str],
    *,
    reload: bool,
) -> list[Service]:
    site = PostgresHost(
        programs=programs(data_dir.home, data_dir.os_user),
        home=data_dir.home,
        os_user=data_dir.os_user,
        passwords=data_dir.passwords,
        tools=tools,
    )
    primary = Primary(site, ports["primary"], ("frontrow", "idempotency"))
    servers: list[Service] = [primary, Replica(site, ports["replica"], primary)]
    servers += [Valkey(role, ports[role], data_dir.root / "valkey" / role) for role in ROLES]
    if isinstance(found.kafka_jars, Path):
        place = data_dir.root / "kafka"
        listeners = (ports["kafka"], ports["controller"])
        servers.append(kafka.Kafka(*listeners, place, found.kafka_jars, tools))
    if isinstance(found.nginx, Path):
        servers.append(
            gateway.NginxGateway(
                found.nginx,
                ports["gateway"],
                ports["api"],
                ports["fastpath"],
                ports["fastpath-sale"],
                ports["stream"],
                home=data_dir.home,
                os_user=data_dir.os_user,
                access_log=data_dir.logs / "access.log",
                static=Path(environment["STATIC_ROOT"]),
                media=Path(environment["MEDIA_ROOT"]),
                options=gateway_options(),
            )
        )
    inherited = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
    setup = application.setup(data_dir, inherited, tools)
    ours = application.services(data_dir, inherited, ports, reload=reload)
    ours.append(application.Stream(inherited, ports))
    if environment["PAYMENT_GATEWAY"] == "sandbox":
        ours.append(application.Sandbox(data_dir, environment, ports["sandbox"]))
    return [*servers, *setup, *ours]
