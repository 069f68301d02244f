"""Connections lent to a thread that answers requests without Django's request cycle."""

import threading
from typing import Any

from django.db import close_old_connections
from django.db.backends.signals import connection_created

_thread = threading.local()


def give_back_connections() -> None:
    """Give what the thread has taken from the pool back; costs nothing if it took none."""
    if getattr(_thread, "has_any", False):
        _thread.has_any = False
        close_old_connections()


def _note(**_: Any) -> None:
    _thread.has_any = True


connection_created.connect(_note, dispatch_uid="kernel.db.release")
