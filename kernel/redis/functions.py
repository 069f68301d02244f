"""Valkey/Redis function libraries: loaded when missing, called by name.

A library is one Lua file whose first line names it (`#!lua name=frontrow_lock_v1`). Its version is
part of the name: two releases of the product can run beside each other during a rollout.
"""

import logging
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from kernel.redis.roles import Role, guarded

log = logging.getLogger(__name__)


class FunctionLibrary:
    """The functions of one Lua file on the server of one role."""

    def __init__(self, role: Role, source: Path) -> None:
        self.role: Role = role
        self.source = source

    def load(self) -> None:
        """Load the library, replacing the same version; raises `PartUnavailable`."""
        guarded(self.role, self._load)

    def call(self, function: str, *, keys: list[str], args: list[Any]) -> Any:
        """Call `function`; a server that lost its libraries gets this one again, once.

        Raises `PartUnavailable` when the server is away.
        """

        def run(server: Redis) -> Any:
            try:
                return server.fcall(function, len(keys), *keys, *args)
            except ResponseError as error:
                if "Function not found" not in str(error):
                    raise
                log.warning("function library loaded", extra={"library": self.source.name})
                self._load(server)
                return server.fcall(function, len(keys), *keys, *args)

        return guarded(self.role, run)

    def _load(self, server: Redis) -> None:
        server.function_load(self.source.read_text(), replace=True)
