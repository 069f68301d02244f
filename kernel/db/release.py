"""Releasing a thread's database connections outside Django's request cycle."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import close_old_connections
from django.db.backends.signals import connection_created

_thread = threading.local()


def release_connections() -> None:
    """Return the thread's connections to the pool; costs nothing if it took none."""
    if getattr(_thread, "has_any", False):
        _thread.has_any = False
        close_old_connections()


@contextmanager
def connections_released() -> Iterator[None]:
    """Run the block, or a function decorated so, and release the connections that it took."""
    try:
        yield
    finally:
        release_connections()


def _mark_thread(**_: Any) -> None:
    _thread.has_any = True


connection_created.connect(_mark_thread, dispatch_uid="kernel.db.release")
