"""The kinds of processes that observe: exporters, and servers with a configuration and data."""

import http.client
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from stack.data_dir import ROOT
from stack.os_users import private_file, private_folder
from stack.process import Command
from stack.service import HOST, Service, listens, server_environment


class ExporterProcess(Service):
    """A program that shows the figures of something else."""

    part = "exporters"
    stop_seconds = 2
    folder = ROOT  # where it runs

    def __init__(
        self,
        name: str,
        argv: tuple[str, ...],
        port: int,
        *,
        after: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.argv = argv
        self.port = port
        self.after = after
        self.environment = environment or {}

    def command(self) -> Command:
        # One thread at a time: what it asks is quickly said, and a sale needs the processors.
        own = {"GOMAXPROCS": "1", **self.environment}
        return Command(self.argv, server_environment(own), self.folder)

    def ready(self) -> bool:
        return listens(self.port)


class Watcher(ExporterProcess):
    """Prometheus or Alertmanager: a configuration that is written at each start, and data."""

    ready_seconds = 60

    def __init__(
        self,
        name: str,
        argv: tuple[str, ...],
        port: int,
        folder: Path,
        configuration: str,
        *,
        after: tuple[str, ...] = (),
    ) -> None:
        super().__init__(name, argv, port, after=after)
        self.part = name
        self.folder = folder
        self.configuration = configuration

    def prepare(self, failures: int) -> None:
        private_folder(self.folder)
        private_file(self.folder / "configuration.yml", self.configuration)

    def ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=1)
        with suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == 200
        return False
