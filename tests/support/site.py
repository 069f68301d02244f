"""The whole product, really running: started by `python -m stack`, used as its clients use it.

ACCEPTANCE_DATA names a folder in which the site is kept running between runs; without it the site
lives in a temporary folder and ends with the session.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
import psycopg

from events.topics import ALL as TOPICS
from stack.data_dir import default_data
from stack.service import free_ports
from stack.settings import PORTS, SERVER_VARIABLES, ports
from tests.support.kafka_reader import KafkaReader
from tests.support.waiting import await_that

ROOT = Path(__file__).resolve().parent.parent.parent
_UP_SECONDS = 240  # a first start; downloads may be part of it
# One machine plays all fans here; what the limits do is tested where they are.
_RATES = ("anonymous", "default", "join", "poll", "hold", "pay", "charge")
_UNLIMITED = {"RATE_LIMITS": ",".join(f"{route}=100000/minute" for route in _RATES)}


@dataclass(frozen=True)
class Fan:
    """A fan made by `manage.py fans`."""

    email: str
    user_id: str
    access_token: str


@dataclass(frozen=True)
class Sale:
    """A performance put on sale for one test; its seats in layout order."""

    performance_id: str
    concert_id: str
    seat_ids: tuple[str, ...]


class Site:
    """One running Frontrow in a folder of its own, on free ports."""

    def __init__(self) -> None:
        kept = os.environ.get("ACCEPTANCE_DATA")
        self.keep = bool(kept)
        self.data = Path(kept or tempfile.mkdtemp(prefix="frontrow-site-"))
        self._clients: list[httpx.Client] = []
        self._readers: list[KafkaReader] = []
        self._helper: subprocess.Popen[str] | None = None
        self._is_up = False

    # --- its life

    def up(self) -> None:
        """Start everything and wait until the site says that it is ready."""
        self._share_downloads()
        self._is_up = True  # or half of it, which has to be stopped too
        printed = self.stack("up", "--detach", seconds=_UP_SECONDS)
        # There is no stand-in for the broker.
        assert self.exports["KAFKA_BOOTSTRAP_SERVERS"], f"no Kafka on this machine:\n{printed}"
        self.await_ready()

    def down(self) -> None:
        """Stop everything and remove the data, once; a kept site goes on."""
        if not self._is_up:
            return
        self._is_up = False
        for client in self._clients:
            client.close()
        for reader in self._readers:
            reader.close()
        self._end_helper()
        if self.keep:
            return
        try:
            self.stack("down")
            assert self._left_over() == []
        finally:
            self.stack("reset")
            shutil.rmtree(self.data, ignore_errors=True)

    def _left_over(self) -> list[str]:
        """Return the command lines of processes that still work in this site's folder."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                words = process.cmdline()
                if str(self.data) in "\0".join([*words, *process.environ().values()]):
                    found.append(" ".join(words))
        return found

    def await_ready(self, *, seconds: float = 60) -> None:
        """Wait until /healthz/ready answers 200."""
        await_that(self._is_ready, "the site is ready", seconds=seconds)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def _share_downloads(self) -> None:
        """Let the site find what earlier starts on this machine fetched (Kafka, nginx)."""
        shared = default_data() / "downloads"
        shared.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        if not (self.data / "downloads").exists():
            (self.data / "downloads").symlink_to(shared)

    # --- commands

    @cached_property
    def _stack_environment(self) -> dict[str, str]:
        """Return an environment that leads `stack` to this site and to no other servers."""
        kept = self.data / "ports.json"
        if not kept.exists():
            self.data.mkdir(parents=True, exist_ok=True)
            names = [port.variable for port in PORTS]
            chosen = zip(names, map(str, free_ports(len(names))), strict=True)
            kept.write_text(json.dumps(dict(chosen)))
        # Those of the servers of other tests, which stand beside it in one process.
        others = ("DJANGO_SETTINGS_MODULE", "SECRET_KEY", "SIGNING_KEYS_FILE", "STORAGE_URL")
        ours = {*SERVER_VARIABLES, *others}
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ours and not name.startswith("PYTEST")
        }
        return {
            **inherited,
            **json.loads(kept.read_text()),
            **_UNLIMITED,
            # Recorded is what asks for it by the operator's token.
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.traces_port}",
            "OTEL_TRACES_SAMPLER_ARG": "0",
            "OTEL_BSP_SCHEDULE_DELAY": "500",
            "FRONTROW_DATA": str(self.data),
        }

    @cached_property
    def traces_port(self) -> int:
        """The port where the site sends its traces; nobody listens there but a test that does."""
        kept = self.data / "traces-port"
        if not kept.exists():
            self.data.mkdir(parents=True, exist_ok=True)
            kept.write_text(str(free_ports(1)[0]))
        return int(kept.read_text())

    def stack(self, *arguments: str, seconds: float = 60) -> str:
        """Run `python -m stack` and return what it printed; fails with its words otherwise."""
        return _run(["-m", "stack", *arguments], self._stack_environment, seconds)

    def manage(self, *arguments: str, seconds: float = 60) -> str:
        """Run `manage.py` as an operator of this site would."""
        return _run(["manage.py", *arguments], self.env, seconds)

    @cached_property
    def env(self) -> dict[str, str]:
        """The variables that `python -m stack env` exports, over this process's own."""
        return {**self._stack_environment, **self.exports}

    @cached_property
    def exports(self) -> dict[str, str]:
        """What `python -m stack env` exports, alone."""
        words = shlex.split(self.stack("env"))
        return dict(word.split("=", 1) for word in words if word != "export")

    @property
    def url(self) -> str:
        return self.exports["FRONTROW_URL"]

    # --- parts

    def port(self, name: str) -> int:
        """Return the local port of a listener, by its name in stack/settings.py."""
        return ports(self._stack_environment)[name]

    def part(self, verb: str, name: str) -> None:
        """Stop, start, kill, pause or resume a part of the running site."""
        self.stack(verb, name)

    def process(self, name: str) -> dict[str, Any]:
        """Return what `stack status --json` says of one process."""
        parts = json.loads(self.stack("status", "--json"))["parts"]
        [found] = [one for part in parts for one in part["processes"] if one["name"] == name]
        return found

    @contextmanager
    def without(self, *names: str, verb: str = "stop") -> Iterator[None]:
        """Run the block with parts stopped (or killed), then start them and wait until ready."""
        for name in names:
            self.part(verb, name)
        try:
            yield
        finally:
            for name in names:
                self.part("start", name)
            self.await_ready()

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Run the block with a part frozen."""
        self.part("pause", name)
        try:
            yield
        finally:
            self.part("resume", name)

    # --- what tests start from

    def http(self, token: str | None = None, **options: Any) -> httpx.Client:
        """Return a client of the site's one entry, as nobody or as the token's owner."""
        headers = {"Accept-Language": "en", **options.pop("headers", {})}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        client = httpx.Client(
            base_url=self.url, headers=headers, timeout=30, trust_env=False, verify=False, **options
        )
        self._clients.append(client)
        return client

    def fans(self, count: int, points: int = 0) -> list[Fan]:
        """Make fans with points and access tokens, as `manage.py fans` does."""
        return [Fan(**one) for one in self._prepare(do="fans", count=count, points=points)]

    def sale(self, *, seats: int, **options: object) -> Sale:
        """Put a new performance on sale; `options` as tests.support.prepare takes them."""
        made = self._prepare(do="sale", seats=seats, **options)
        return Sale(made["performance_id"], made["concert_id"], tuple(made["seat_ids"]))

    def tickets(self, sale: Sale, count: int) -> list[dict[str, str]]:
        """Sell the first seats of a sale; returns `code` and `qr` of each ticket, in seat order."""
        made: list[dict[str, str]] = self._prepare(
            do="tickets", performance_id=sale.performance_id, count=count
        )
        return made

    def door_key(self) -> str:
        """Make an API key that checks tickets in."""
        return str(self._prepare(do="door_key"))

    def draft(self) -> Sale:
        """Make a performance of which nothing is prepared."""
        made = self._prepare(do="draft")
        return Sale(made["performance_id"], made["concert_id"], ())

    def change_room(self, sale: Sale, **changes: object) -> None:
        """Change the settings of a sale's waiting room."""
        self._prepare(do="room", performance_id=sale.performance_id, **changes)

    def give_password(self, fan: Fan, password: str) -> None:
        """Let a fan log in on a page."""
        self._prepare(do="password", email=fan.email, password=password)

    def login(self, fan: Fan) -> dict[str, str]:
        """Log a fan in for pages; returns the cookie as browsers are given it."""
        return {**self._prepare(do="login", user_id=fan.user_id), "url": self.url}

    def staff(self, role: str) -> dict[str, str]:
        """Log a new member of a group of staff in; returns the cookie as browsers are given it."""
        return {**self._prepare(do="staff", role=role), "url": self.url}

    def _prepare(self, **wanted: object) -> Any:
        helper = self._helper = self._helper or subprocess.Popen(
            [sys.executable, "-m", "tests.support.prepare"],
            env=self.env,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert helper.stdin
        assert helper.stdout
        helper.stdin.write(json.dumps(wanted) + "\n")
        helper.stdin.flush()
        answer = helper.stdout.readline()
        if not answer:
            self._end_helper()
        assert answer, f"tests.support.prepare ended on {wanted}; it said why on stderr"
        return json.loads(answer)

    def _end_helper(self) -> None:
        if self._helper is not None:
            self._helper.communicate()  # the end of its input is its end
            self._helper = None

    # --- what became of it

    def reader(self, *topics: str) -> KafkaReader:
        """Return a reader of Kafka topics from their beginning."""
        reader = KafkaReader(self.env["KAFKA_BOOTSTRAP_SERVERS"], *(topics or TOPICS))
        self._readers.append(reader)
        return reader

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what the primary holds, read past the product."""
        with psycopg.connect(self.env["DATABASE_URL"]) as connection:
            return connection.execute(statement, values).fetchall()

    def statistics(self, performance_id: str | UUID) -> tuple[int, int, int]:
        """Return the reservations, seats and amount that `statistics` counted."""
        [(reservations, seats, amount)] = self.rows(
            "SELECT coalesce(sum(reservations), 0), coalesce(sum(seats), 0),"
            " coalesce(sum(amount), 0) FROM statistics_hourlysales WHERE performance_id = %s",
            performance_id,
        )
        return int(reservations), int(seats), int(amount)


def _run(arguments: Sequence[str], environment: dict[str, str], seconds: float) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=ROOT,
        timeout=seconds,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    words = done.stdout[-2000:] + done.stderr[-4000:]
    assert done.returncode == 0, f"{' '.join(arguments)} ended with {done.returncode}\n{words}"
    return done.stdout
