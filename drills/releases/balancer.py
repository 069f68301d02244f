"""The load balancer: nginx that gives each of two places its share of requests, and counts them.

Note [Shares by files]
Each request falls into one of twenty parts by chance. A part goes to place b where a file of its
number exists, else to a: a share changes at once, and without a reload, which would lose who asks
at that moment.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError
from stack.gateway.server import user_directive
from stack.os_users import OsUser, private_folder
from stack.process import Child, Command, wait_until
from stack.service import HOST, listens, server_environment

PLACES = ("a", "b")
_PARTS = 20
_START_SECONDS = 20.0
_CONFIGURATION = """
{user} worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
    log_format share '$msec $place $status $http_x_forwarded_for $request_method $uri';
    access_log {log} share;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    split_clients $request_id $part {{ {parts} }}
    {upstreams}
    server {{
        listen {host}:{port} backlog=4096;
        client_max_body_size 0;
        keepalive_requests 100000;
        set $place a;
        if (-f "{folder}/shares/$part") {{ set $place b; }}
        location / {{
            proxy_pass http://place_$place;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
            proxy_read_timeout 60s;
            proxy_buffering off;
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Served:
    """One request that was answered: when (seconds since 1970), from where, how, and to whom."""

    at: float
    place: str
    status: int
    client_ip: str

    @property
    def has_failed(self) -> bool:
        """Whether nobody answered it, or with a failure of the server."""
        return self.status >= 500


class Balancer:
    """nginx before the two places, whose ports are `places`; `port` is its own."""

    def __init__(
        self,
        program: Path,
        folder: Path,
        port: int,
        places: dict[str, int],
        os_user: OsUser | None,
    ) -> None:
        self.port = port
        self._program = program
        self._folder = folder
        self._shares = folder / "shares"
        self._log = folder / "served.log"
        self._places = places
        self._os_user = os_user
        self._child: Child | None = None

    def start(self) -> None:
        """Start it, with everything for place a. Raises StackError."""
        for one in (self._folder, self._shares):
            private_folder(one, self._os_user)
        conf = self._folder / "nginx.conf"
        conf.write_text(self._configuration())
        argv = (str(self._program), "-p", str(self._folder), "-c", str(conf), "-e", "stderr")
        command = Command(argv, server_environment(), self._folder)
        log = self._folder / "nginx.log"
        self._child = Child.spawn(command, log)
        if not wait_until(lambda: listens(self.port), _START_SECONDS):
            raise StackError(f"the balancer does not start: {log.read_text()}")

    def _configuration(self) -> str:
        parts = " ".join(f"{100 // _PARTS}% {one};" for one in range(_PARTS - 1))
        upstreams = "\n    ".join(
            f"upstream place_{place} {{ server {HOST}:{port} max_fails=0; keepalive 64; }}"
            for place, port in self._places.items()
        )
        return _CONFIGURATION.format(
            user=user_directive(self._os_user),
            folder=self._folder,
            log=self._log,
            parts=f"{parts} * {_PARTS - 1};",
            upstreams=upstreams,
            host=HOST,
            port=self.port,
        )

    def give(self, percent: int) -> None:
        """Give place b so many percent of the requests; see Note [Shares by files]."""
        wanted = round(percent * _PARTS / 100)
        for one in range(_PARTS):
            part = self._shares / str(one)
            if one < wanted:
                part.touch()
            else:
                part.unlink(missing_ok=True)

    def served(self, since: float) -> Iterator[Served]:
        """Yield the requests of fans that were answered since a moment (seconds since 1970)."""
        for line in self._log.read_text().splitlines():
            at, place, status, client_ip, _, path = line.split(" ", 5)
            if float(at) >= since and path.startswith("/api/"):
                yield Served(float(at), place, int(status), client_ip)

    def stop(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.kill()
        shutil.rmtree(self._shares, ignore_errors=True)
