"""etcd, where Patroni keeps who leads: one node, behind a password."""

import http.client
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from stack.errors import StackError
from stack.os_users import private_folder
from stack.process import Command
from stack.service import HOST, Service, server_environment

USER = "root"


class Etcd(Service):
    """The one etcd of the profile `ha`; a site has three, on three machines."""

    name = part = "etcd"
    ready_seconds = 30

    def __init__(
        self, program: Path, port: int, peer_port: int, folder: Path, password: str
    ) -> None:
        self.program = program
        self.port = port
        self.peer_port = peer_port
        self.folder = folder
        self.password = password

    def prepare(self, failures: int) -> None:
        private_folder(self.folder)

    def command(self) -> Command:
        own, peer = f"http://{HOST}:{self.port}", f"http://{HOST}:{self.peer_port}"
        return Command(
            argv=(
                *(str(self.program), "--name", self.name, "--data-dir", str(self.folder / "data")),
                *("--listen-client-urls", own, "--advertise-client-urls", own),
                *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
                *("--initial-cluster", f"{self.name}={peer}"),
                *("--auto-compaction-retention", "1", "--logger", "zap", "--log-level", "warn"),
            ),
            environment=server_environment(),
            directory=self.folder,
        )

    def ready(self) -> bool:
        with suppress(OSError, http.client.HTTPException):
            return self._reply_to("GET", "/health")[0] == 200
        return False

    def settle(self) -> None:
        """Demand a password from now on: who writes here decides who leads."""
        login = {"name": USER, "password": self.password}
        status, reply = self._reply_to("POST", "/v3/auth/authenticate", login)
        if status == 200:
            return
        if "not enabled" not in str(reply):
            raise StackError(f"etcd: {reply}")
        for path, body in (
            ("user/add", login),
            ("role/add", {"name": USER}),
            ("user/grant", {"user": USER, "role": USER}),
            ("enable", {}),
        ):
            status, reply = self._reply_to("POST", f"/v3/auth/{path}", body)
            if status != 200 and "already exist" not in str(reply):
                raise StackError(f"etcd: {path}: {reply}")

    def _reply_to(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=3)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        finally:
            connection.close()
