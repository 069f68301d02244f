"""The supervisor's control socket: one JSON line for a request, one for the reply."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stack.errors import StackError

Message = dict[str, Any]

NAME = "control.sock"
LONGEST_PATH = 100  # the kernel's limit is 107 bytes
REPLY_SECONDS = 180


@contextmanager
def _path(folder: Path) -> Iterator[str]:
    """Yield a path to the socket in `folder` that is short enough, however deep the folder lies."""
    if len(str(folder / NAME).encode()) <= LONGEST_PATH:
        yield str(folder / NAME)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


def listen(folder: Path) -> socket.socket:
    """Open the socket, for its owner alone."""
    (folder / NAME).unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    with _path(folder) as path:
        before = os.umask(0o177)
        try:
            server.bind(path)
        finally:
            os.umask(before)
    server.listen(16)
    return server


def receive_request(connection: socket.socket) -> Message:
    """Return the request on `connection`; empty where the line is no request."""
    connection.settimeout(1)
    with suppress(OSError, ValueError), connection.makefile("r", encoding="utf-8") as file:
        request = json.loads(file.readline())
        if isinstance(request, dict):
            return request
    return {}


def reply(connection: socket.socket, value: Message) -> None:
    """Send `value` and close the connection; a client that has gone misses it."""
    with suppress(OSError):
        connection.settimeout(1)
        connection.sendall(json.dumps(value).encode() + b"\n")
    connection.close()


def send_request(folder: Path, request: Message, seconds: float = REPLY_SECONDS) -> Message:
    """Send `request` to the supervisor and return its reply.

    Raises StackError where none runs, where it refuses, or where no reply comes in time.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(seconds)
    try:
        with _path(folder) as path:
            connection.connect(path)
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("r", encoding="utf-8") as file:
            value: Message = json.loads(file.readline())
    except TimeoutError as error:
        raise StackError(f"the supervisor did not answer within {seconds:.0f} s") from error
    except (OSError, ValueError) as error:
        raise StackError("the stack is not running: make run, or python -m stack up") from error
    finally:
        connection.close()
    if refusal := value.get("error"):
        raise StackError(refusal)
    return value
