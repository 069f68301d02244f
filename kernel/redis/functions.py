"""Valkey/Redis function libraries: loaded when missing, called by name.

A library is one Lua file or several, put together in the given order; the line that names it
(`#!lua name=frontrow_lock_v1`) goes first. Its version is part of the name: two releases of the
product whose functions differ in meaning can run beside each other during a rollout. What a
server keeps of the same version may be older (another checkout, an old append-only file), so each
process loads its own before its first call, and again after it has lost its connections, as it does
when the server restarts.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from kernel.redis import watched
from kernel.redis.clients import Role, connection_epoch, fcall_all, guarded

log = logging.getLogger(__name__)

_SHEBANG = "#!lua "


class FunctionLibrary:
    """The functions of some Lua files on the server of one role."""

    def __init__(self, role: Role, *sources: Path) -> None:
        self.role: Role = role
        self.sources = sources
        self._loaded_in: tuple[int, object] | None = None  # process id, connection epoch

    def load(self) -> None:
        """Load the library in place of the same version; raises `DependencyUnavailable`."""
        guarded(self.role, self._load)

    def load_if_missing(self) -> None:
        """Load it unless this process has, since it last connected; raises as `load` does."""
        guarded(self.role, self._load_if_missing)

    def code(self) -> str:
        """Return the text of the library as it is sent to the server."""
        lines = [line for source in self.sources for line in source.read_text().splitlines()]
        first = [line for line in lines if line.startswith(_SHEBANG)]
        if len(first) != 1:
            raise ValueError(f"one file must name the library: {first}")
        return "\n".join([*first, *(line for line in lines if line not in first), ""])

    def call(self, function: str, *, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Call `function`; a server that lost its libraries gets this one again, once.

        Raises `DependencyUnavailable` when the server is unavailable.
        """

        [reply] = self.call_all(function, calls=[(keys, args)])
        if isinstance(reply, Exception):
            raise reply
        return reply

    def call_all(
        self, function: str, *, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]
    ) -> list[Any]:
        """Call `function` several times in one round trip, each with its keys and arguments.

        Returns the replies in order; a call that failed by itself has its exception there. Raises
        `DependencyUnavailable` when the server is unavailable; then some calls may have run.
        """

        def run(server: Redis) -> list[Any]:
            self._load_if_missing(server)
            replies = fcall_all(server, function, calls)
            lost = [at for at, reply in enumerate(replies) if _is_missing(reply)]
            if lost:
                log.warning("function library loaded", extra={"library": str(self.sources[-1])})
                self._load(server)
                again = fcall_all(server, function, [calls[at] for at in lost])
                for at, reply in zip(lost, again, strict=True):
                    replies[at] = reply
            return replies

        with watched.call_of(function, self.role, len(calls)):
            return guarded(self.role, run)

    def _load_if_missing(self, server: Redis) -> None:
        if self._loaded_in != (os.getpid(), connection_epoch(server)):
            self._load(server)

    def _load(self, server: Redis) -> None:
        server.function_load(self.code(), replace=True)  # in a cluster: on every primary
        self._loaded_in = (os.getpid(), connection_epoch(server))


def _is_missing(reply: Any) -> bool:
    return isinstance(reply, ResponseError) and "Function not found" in str(reply)


def text_of(value: bytes | str) -> str:
    """Return what the client gives as bytes or text, as text."""
    return value.decode() if isinstance(value, bytes) else value
