"""The gateway process: nginx found or unpacked, its configuration rendered from the template."""

import grp
import ipaddress
import os
import re
import resource
import shutil
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from stack import debian
from stack.data_dir import release
from stack.errors import StackError
from stack.gateway.upstreams import Upstreams
from stack.os_users import OsUser, private_folder
from stack.process import Command, Tools, wait_until
from stack.service import HOST, Service, listens, server_environment

TEMPLATE = Path(__file__).with_name("nginx.conf.template")
# Of a process; a stream takes two for as long as it is open.
CONNECTIONS = 32768
# Those that streams leave to everybody else.
RESERVED = 4096
# Requests a second from one client (Note [Limits at the gateway]).
RATES = {"JOIN_RATE": 200, "RESERVE_RATE": 200, "PAY_RATE": 100, "LOGIN_RATE": 50}
# How long a request may take from the choice of its server until it has been sent there.
UNDER_WAY_SECONDS = 1.0
# How long responses end their connections before a reload: pages ask more often than that.
CLOSING_SECONDS = 5.0
RELOAD_SECONDS = 30.0  # until new workers serve, on busy cores


def nginx(downloads: Path, tools: Tools) -> Path:
    """Return the nginx program: the machine's, else Debian's package unpacked (no root needed).

    Raises StackError where there is none to be had.
    """
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found:
        return Path(found)
    return debian.program("nginx", "usr/sbin/nginx", downloads, tools, folder="nginx")


def render(values: Mapping[str, str]) -> str:
    """Return the configuration: ${NAME} by value, nginx's own $names left alone.

    Raises KeyError for a name without a value.
    """
    return re.sub(r"\$\{([A-Z_]+)\}", lambda found: values[found[1]], TEMPLATE.read_text())


@dataclass(frozen=True)
class Options:
    """What differs from place to place.

    `trusted_proxies` are the networks of the proxies that end TLS in front of the gateway; behind
    them are others of ours where `trusted_hops`, the number of all of them, is not 0. With
    `limits` floods from one client IP are refused, with `logins` requests without a possible one
    (Note [Logins at the gateway]). `rates` are other limits, by word of the template. Its own
    figures are on `status_port`, if any.
    """

    trusted_proxies: tuple[str, ...] = ()
    trusted_hops: int = 0
    limits: bool = False
    logins: bool = False
    rates: Mapping[str, int] = field(default_factory=dict)
    status_port: int | None = None


DEFAULTS = Options()


def trusted(networks: Iterable[str], hops: int = 0) -> dict[str, str]:
    """Return the words of the template that name the trusted hops, by number where `hops` says it.

    Raises StackError for what is no network.
    """
    try:
        known = [str(ipaddress.ip_network(network)) for network in networks]
    except ValueError as error:
        raise StackError(f"FRONTROW_TRUSTED_PROXIES: {error}") from error
    addresses = [] if hops else [f"set_real_ip_from {network};" for network in known]
    return {
        "TRUSTED_ADDRESSES": " ".join(addresses),
        "NAMED_CALLER": _named_caller(hops) if hops else "",
        "TRUSTED_NETWORKS": " ".join(f"{network} 1;" for network in known),
    }


def _named_caller(hops: int) -> str:
    """Return the line that finds the address which the outermost of `hops` proxies wrote."""
    address = "[0-9A-Fa-f.:]+"
    further = rf" *(?:, *{address} *){{{hops - 1}}}"
    return rf'"~(?:^|,) *({address}){further}$" $1;'


class NginxGateway(Service):
    """nginx before the service fastpath, the streams and the API."""

    name = part = "gateway"
    stop_seconds = 3
    ready_seconds = 20

    def __init__(
        self,
        program: Path,
        port: int,
        upstreams: Upstreams,
        *,
        home: Path,
        os_user: OsUser | None,
        access_log: Path,
        static: Path,
        media: Path,
        options: Options = DEFAULTS,
    ) -> None:
        self.program = program
        self.port = port
        self.upstreams = upstreams
        self.after = upstreams.names()
        self.folder = home / "gateway"
        self.os_user = os_user
        self._drained = self.folder / "drained"
        self._workers = workers = min(os.cpu_count() or 1, 4)
        connections = min(CONNECTIONS, _file_limit() - 64)
        self._values = {
            "USER_DIRECTIVE": user_directive(os_user),
            "WORKER_PROCESSES": str(workers),
            "WORKER_CONNECTIONS": str(connections),
            "FILES": str(_file_limit()),
            "STREAMS": str(workers * max(1, connections - RESERVED) // 2),
            "RUN": str(self.folder),
            "ACCESS_LOG": str(access_log),
            "LISTEN": f"{HOST}:{port}",
            "STATIC": str(static),
            "MEDIA": str(media),
            "LIMITS": "on" if options.limits else "off",
            "LOGINS": "on" if options.logins else "off",
            **{word: str(rate) for word, rate in (RATES | dict(options.rates)).items()},
            "STATUS_SERVER": _status_server(options.status_port),
            "KEPT_IN_RELOAD": "",  # Debian's nginx is older than the directive
            "VERSION": release(),
            **trusted(options.trusted_proxies, options.trusted_hops),
        }

    @property
    def _conf(self) -> Path:
        return self.folder / "nginx.conf"

    def configuration(self) -> str:
        """Return nginx's configuration."""
        words = self.upstreams.words(self._drained)
        # Not what begins with a dot: internal places stay closed to callers.
        closing = "rewrite ^/(?!\\.)(.*)$ /.closing/$1;"
        words["DRAINED"] += f'\n        if (-f "{self._drained / self.name}") {{ {closing} }}'
        return render(self._values | words)

    def prepare(self, failures: int) -> None:
        private_folder(self.folder, self.os_user)
        private_folder(self._drained, self.os_user)
        self.send_again_to(self.name)  # a reload may have been killed
        self._conf.write_text(self.configuration())

    def take_out(self, name: str) -> None:
        """Send nothing more to a service; what is under way goes on."""
        if self._drained.is_dir():
            (self._drained / name).touch()

    def send_nothing_to(self, name: str) -> None:
        """Take a service out; returns once no new request goes there."""
        self.take_out(name)
        time.sleep(UNDER_WAY_SECONDS)

    def send_again_to(self, name: str) -> None:
        """Take a service in again, where it was taken out."""
        (self._drained / name).unlink(missing_ok=True)

    @property
    def reloads(self) -> bool:
        return True

    def reload(self) -> None:
        """Let new workers serve by the configuration as it is now; see Note [Reload]."""
        if self.pid is None:
            raise StackError("the gateway has no process")
        self.prepare(0)
        self.take_out(self.name)
        try:
            time.sleep(CLOSING_SECONDS)
            master, before = psutil.Process(self.pid), _children(self.pid)
            master.send_signal(signal.SIGHUP)
            if not wait_until(lambda: self._has_workers_beside(before), RELOAD_SECONDS):
                raise StackError("nginx did not take its configuration: its log says why")
        finally:
            self.send_again_to(self.name)

    def _has_workers_beside(self, before: set[int]) -> bool:
        return len(_children(self.pid) - before) >= self._workers

    def command(self) -> Command:
        return Command(
            argv=(str(self.program), "-p", str(self.folder), "-c", str(self._conf), "-e", "stderr"),
            environment=server_environment(),
            directory=self.folder,
        )

    def ready(self) -> bool:
        return listens(self.port)


def _children(pid: int | None) -> set[int]:
    with suppress(psutil.Error):
        return {one.pid for one in psutil.Process(pid).children()}
    return set()


def _status_server(port: int | None) -> str:
    """Return the server that counts connections and requests, for nginx's exporter."""
    if port is None:
        return ""
    return status_server(f"{HOST}:{port}")


def status_server(address: str) -> str:
    """Return nginx's lines for who observes it: its own figures, and that it lives.

    It says so by itself: who asks for more asks behind it.
    """
    places = (
        "location = /status { stub_status; access_log off; }",
        "location = /healthz/live { access_log off; return 200; }",
        "location / { return 404; }",
    )
    return f"server {{ listen {address}; {' '.join(places)} }}"


def user_directive(os_user: OsUser | None) -> str:
    """Return nginx's line for its workers' user.

    Started by root they step down; anybody else's can't and needn't.
    """
    return f"user {os_user.name} {grp.getgrgid(os_user.gid).gr_name};" if os_user else ""


def _file_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]
