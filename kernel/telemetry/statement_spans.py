"""Spans of what recorded requests ask servers: statements of Django, functions of Valkey."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from kernel.redis import watched
from kernel.telemetry import context, tracing

_TABLE = re.compile(
    r'\b(?:FROM|INTO|UPDATE|JOIN)\s+(?:ONLY\s+)?"?([a-z_][a-z0-9_]*)', re.IGNORECASE
)
_WORD = re.compile(r"\s*([A-Za-z]+)")


def install() -> None:
    """Look at every call, and at the statements of connections that are opened from now on."""
    connection_created.connect(_look, dispatch_uid=__name__)
    watched.watch(_function_span)


def _function_span(function: str, role: str, calls: int) -> AbstractContextManager[Any]:
    return tracing.span(
        f"FCALL {function}",
        tracing.CLIENT,
        system="valkey",
        operation=function,
        server=role,
        batch=calls,
    )


def _look(connection: BaseDatabaseWrapper, **_: object) -> None:
    if _recorded not in connection.execute_wrappers:
        connection.execute_wrappers.append(_recorded)


def _recorded(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, facts: dict[str, Any]
) -> Any:
    if not tracing.is_sampled(context.current().traceparent):
        return execute(sql, params, many, facts)
    operation, table = summary(str(sql))
    server = facts["connection"].alias
    with tracing.span(
        f"{operation} {table}".rstrip(),
        tracing.CLIENT,
        system="postgresql",
        operation=operation,
        table=table,
        server=server,
    ):
        return execute(sql, params, many, facts)


@lru_cache(maxsize=2048)
def summary(sql: str) -> tuple[str, str]:
    """Return a statement's first word and the first table that it names, "" for none.

    Nothing else of it: it may carry values (Note [Spans without values]).
    """
    word, table = _WORD.match(sql), _TABLE.search(sql)
    return word[1].upper() if word else "", table[1].lower() if table else ""
