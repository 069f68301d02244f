"""The processor time that the servers of a measurement have used."""

from contextlib import suppress
from pathlib import Path

import psutil

_NAMES = {"valkey-server": "valkey", "postgres": "postgres", "nginx": "gateway"}


class Servers:
    """The databases and gateways that work in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folders = (str(folder), str((folder / "servers").resolve()))

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time so far by kind: valkey, postgres, gateway.

        Of processes that have ended, as backends of closed connections, nothing is known.
        """
        used: dict[str, float] = {}
        for process in psutil.process_iter(["name"]):
            kind = _NAMES.get(process.info["name"])
            if kind:
                with suppress(psutil.Error):
                    if self._is_ours(process):
                        used[kind] = used.get(kind, 0.0) + sum(process.cpu_times()[:2])
        return used

    def _is_ours(self, process: psutil.Process) -> bool:
        words = "\0".join([process.cwd(), *process.cmdline()])
        return any(folder in words for folder in self._folders)
