"""Frontrow's own processes: their commands, and nothing of what is inside."""

import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from stack.data_dir import ROOT, DataDir, release
from stack.log_lines import ServerLines
from stack.process import Command, Tools
from stack.service import HOST, Service, listens, server_environment

PYTHON = sys.executable
PROGRAMS = Path(sys.executable).parent
MANAGE = (PYTHON, "manage.py")
CELERY = (PYTHON, "-m", "celery", "-A", "config.celery", "--quiet")  # no banners in the log
# Accepted and waiting connections: the kernel caps the first at net.core.somaxconn.
API_BACKLOG = 16384
COMMAND_SECONDS = 120
# A process of ours ends what it has begun: a relay that is killed between Kafka's confirmation and
# its mark makes the next one publish again. On a busy machine that takes longer than a server.
PROGRAM_STOP_SECONDS = 20.0
# Note [Memory that is given back]
# glibc gives every thread an arena of its own, and after the first large block that was freed it
# takes blocks of that size from there too: each thread then keeps the 19 MiB of a password hash
# for ever. With a fixed threshold such blocks are mapped and given back at once, and few arenas
# keep little. The Dockerfile says the same; `python -m bench memory` measures it.
ALLOCATOR = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "MALLOC_TRIM_THRESHOLD_": "16777216",
}
# What the streams take from our own environment (stream/README.md).
STREAM_VARIABLES = {
    f"STREAM_{name}"
    for name in (
        *("CONNECTIONS", "ROOMS", "READS_PER_SECOND", "OPENINGS_PER_SECOND", "BUFFER_BYTES"),
        *("ROOM_BYTES", "DOCUMENT_BYTES", "DRAIN_SECONDS"),
    )
}
# Note [Who stands back]
# On one machine everybody shares the cores, and nobody waits for the consumers, for letters or for
# Flower: they get the processor after those whom a fan waits for, a tenth of it while there is not
# enough. Not so the workers that lock seats: one that waits amid a transaction keeps fans waiting.
BACKGROUND_NICENESS = 10
# Worker processes by name: the queues they serve, how many tasks at a time, and their niceness.
# Threads, so that one database pool and one Kafka producer serve a whole process. What may hang on
# somebody else's server has a process of its own: it would take the threads that expire holds.
WORKERS = {
    "promotion": ("promotion", 2, 0),
    "relay": ("relay", 4, 0),
    "general": ("sweep,payments", 4, 0),
    "background": ("mail,uploads,webhooks", 4, BACKGROUND_NICENESS),
}


class Program(Service):
    """A process of ours; ready once it runs, or once it listens on its port."""

    after: tuple[str, ...] = ("setup",)
    stop_seconds: float = PROGRAM_STOP_SECONDS

    def __init__(
        self,
        name: str,
        part: str,
        argv: tuple[str, ...],
        environment: Mapping[str, str],
        *,
        port: int | None = None,
        niceness: int = 0,
    ) -> None:
        self.name = name
        self.part = part
        self.argv = argv
        self.environment = environment
        self.port = port
        self.niceness = niceness

    def command(self) -> Command:
        named = {"FRONTROW_RELEASE": release(), **self.environment, "OTEL_SERVICE_NAME": self.name}
        return Command(self.argv, named, ROOT, niceness=self.niceness)

    def ready(self) -> bool:
        return self.port is None or listens(self.port)

    def take(self, values: Mapping[str, str]) -> bool:
        mine = {name: value for name, value in values.items() if name in self.environment}
        self.environment = {**self.environment, **mine}
        return bool(mine)


class Stream(Program):
    """The live streams, read from the gateway; they need no other part to start."""

    after = ()
    stop_seconds = 6

    def __init__(self, environment: Mapping[str, str], ports: Mapping[str, int]) -> None:
        own = {"STREAM_SOURCE_URL": f"http://{HOST}:{ports['gateway']}", "METRICS_HOST": HOST}
        passed = {*STREAM_VARIABLES, "RELEASE_COLOR"} & environment.keys()
        own |= {name: environment[name] for name in passed}
        argv = (
            *(PYTHON, "-m", "stream", "--host", HOST, "--port", str(ports["stream"])),
            *("--backlog", str(API_BACKLOG), "--metrics-port", str(ports["stream-metrics"])),
        )
        super().__init__(
            "stream", "stream", argv, ALLOCATOR | server_environment(own), port=ports["stream"]
        )

    def ready(self) -> bool:
        return is_alive(self.port)


class Sandbox(Program):
    """The payment gateway's sandbox; needs no other part, and ready once it responds."""

    after = ()
    stop_seconds = 3

    def __init__(self, data_dir: DataDir, environment: Mapping[str, str], port: int) -> None:
        webhooks = f"{environment['FRONTROW_URL']}/api/v1/webhooks/payments/"
        own = {
            "SANDBOX_HOST": HOST,
            "SANDBOX_PORT": str(port),
            "SANDBOX_LEDGER": str(data_dir.root / "sandbox" / "ledger.db"),
            "SANDBOX_SECRET": environment["PAYMENT_GATEWAY_SECRET"],
            "SANDBOX_WEBHOOK_URL": webhooks,
            # The present one comes first, also while it is replaced.
            "SANDBOX_WEBHOOK_SECRET": environment["PAYMENT_WEBHOOK_SECRETS"].partition(",")[0],
        }
        argv = (PYTHON, "-m", "payments.sandbox")
        super().__init__("sandbox", "sandbox", argv, server_environment(own), port=port)

    def ready(self) -> bool:
        return is_alive(self.port)


def is_alive(port: int | None) -> bool:
    """Tell whether the process on the local port says that it lives."""
    request = f"GET /healthz/live HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    with suppress(OSError), socket.create_connection((HOST, port or 0), 1) as connection:
        connection.settimeout(3)
        connection.sendall(request.encode())
        return connection.recv(12).startswith(b"HTTP/1.1 200")
    return False


class Mail(Program):
    """The mail server that delivers nothing and shows every letter; it needs no other part."""

    after = ()

    def __init__(self, environment: Mapping[str, str], smtp_port: int, page_port: int) -> None:
        argv = (PYTHON, "-m", "stack.mail", str(smtp_port), str(page_port))
        super().__init__("mail", "mail", argv, environment, port=page_port)


class Commands(Service):
    """Commands of manage.py that run to their end, in order and in one process."""

    part = "setup"

    def __init__(
        self,
        name: str,
        after: tuple[str, ...],
        lines: tuple[str, ...],
        environment: Mapping[str, str],
        tools: Tools,
        log: Path,
    ) -> None:
        self.name = name
        self.after = after
        self.lines = lines
        self.environment = environment
        self.tools = tools
        self.log = log

    def prepare(self, failures: int) -> None:
        """Run them all. Raises StackError with what the first failure said."""
        command = Command((*MANAGE, "several", *self.lines), self.environment, ROOT)
        lines = ServerLines(self.name, release(), lambda: datetime.now(UTC))
        self.tools.run(command, timeout=COMMAND_SECONDS, log=self.log, lines=lines)

    def command(self) -> None:
        return None


def setup(
    data_dir: DataDir, environment: Mapping[str, str], tools: Tools, *, servers: tuple[str, ...]
) -> list[Service]:
    """Return what is done before Frontrow's processes start; `servers` are those it needs."""

    def commands(name: str, after: tuple[str, ...], *lines: str) -> Commands:
        return Commands(name, after, lines, environment, tools, data_dir.logs / f"{name}.log")

    migrate = "migrate --no-input --verbosity 0"
    return [
        # These need no server, so they run while the servers start. Nothing of an earlier release
        # runs, so the keys that only this one can use are added.
        commands("files", (), "keys upgrade", "collectstatic --no-input --verbosity 0"),
        commands(
            "setup",
            ("files", *servers),
            *(f"{migrate} --database idempotency", migrate, "demo_data"),
        ),
    ]


def environment_of_processes(
    environment: Mapping[str, str], ports: Mapping[str, int]
) -> dict[str, str]:
    """Return the environment of a process that shows metrics of its own."""
    return {
        **ALLOCATOR,
        **environment,
        "WORKER_METRICS_PORTS": ",".join(f"{name}={ports[name]}" for name in WORKERS),
        "CONSUMER_METRICS_PORT": str(ports["consumers"]),
        "CELERY_SKIP_CHECKS": "1",  # `migrate` has just made them, and each start would again
    }


def services(
    data_dir: DataDir, environment: Mapping[str, str], ports: Mapping[str, int]
) -> list[Service]:
    """Return the workers, beat, the consumers, the mail server and Flower."""
    own = environment_of_processes(environment, ports)
    environment = {**ALLOCATOR, **environment}

    def worker(name: str, queues: str, threads: int, niceness: int) -> Program:
        argv = (
            *(*CELERY, "worker", "-n", f"{name}@%h", "-Q", queues, "-P", "threads"),
            *("-c", str(threads), "--loglevel", "WARNING", "--without-gossip", "--without-mingle"),
        )
        return Program(f"worker-{name}", "workers", argv, own, niceness=niceness)

    def background(name: str, argv: tuple[str, ...], of: Mapping[str, str], **port: int) -> Program:
        return Program(name, name, argv, of, niceness=BACKGROUND_NICENESS, **port)

    schedule = str(data_dir.run / "celerybeat-schedule")
    beat = (*CELERY, "beat", "-s", schedule, "--loglevel", "WARNING", "--pidfile=")
    flower = (
        *(*CELERY, "flower", f"--conf={ROOT / 'config' / 'flower.py'}"),
        *(f"--address={HOST}", f"--port={ports['flower']}"),
        *("--persistent=True", f"--db={data_dir.root / 'flower'}", "--state_save_interval=10000"),
    )
    return [
        *[worker(name, *options) for name, options in WORKERS.items()],
        Program("beat", "beat", beat, environment),
        background("consumers", (*MANAGE, "consume"), own),
        Mail(environment, ports["smtp"], ports["inbox"]),
        background("flower", flower, environment, port=ports["flower"]),
    ]
