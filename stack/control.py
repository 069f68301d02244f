"""The supervisor's ear: one JSON line in, one JSON line out, over a socket in the data folder."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stack.errors import StackError

NAME = "control.sock"
LONGEST_ADDRESS = 100  # the kernel's limit is 107 bytes
ANSWER_SECONDS = 180


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    """Give an address for the socket in `folder` that is short enough, however deep that lies."""
    if len(str(folder / NAME).encode()) <= LONGEST_ADDRESS:
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
    with _address(folder) as address:
        before = os.umask(0o177)
        try:
            server.bind(address)
        finally:
            os.umask(before)
    server.listen(16)
    return server


def receive(connection: socket.socket) -> dict:
    """Return the request on `connection`, empty where it is none."""
    connection.settimeout(1)
    with suppress(OSError, ValueError), connection.makefile("r", encoding="utf-8") as file:
        request = json.loads(file.readline())
        if isinstance(request, dict):
            return request
    return {}


def answer(connection: socket.socket, value: dict) -> None:
    """Send `value` and hang up; a client that has gone is none of our business."""
    with suppress(OSError):
        connection.settimeout(1)
        connection.sendall(json.dumps(value).encode() + b"\n")
    connection.close()


def ask(folder: Path, request: dict, seconds: float = ANSWER_SECONDS) -> dict:
    """Send `request` to the supervisor and return its answer.

    Raises StackError where none runs, where it refuses, or where it doesn't answer in time.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(seconds)
    try:
        with _address(folder) as address:
            connection.connect(address)
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("r", encoding="utf-8") as file:
            reply = json.loads(file.readline())
    except TimeoutError as error:
        raise StackError(f"the supervisor did not answer within {seconds:.0f} s") from error
    except (OSError, ValueError) as error:
        raise StackError("the stack is not running: make run, or python -m stack up") from error
    finally:
        connection.close()
    if refusal := reply.get("error"):
        raise StackError(refusal)
    return reply
