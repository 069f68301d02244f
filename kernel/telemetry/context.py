"""Correlation: the request that caused a log line, a task or an event.

The values travel through HTTP headers, Celery task headers, outbox rows and Kafka headers.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from random import getrandbits
from typing import Any, NamedTuple

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:\-]{8,128}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Correlation(NamedTuple):
    """A request id and a W3C `traceparent`."""

    request_id: str = ""
    traceparent: str = ""

    @property
    def trace_id(self) -> str:
        """The trace's id, empty where there is none."""
        return self.traceparent[3:35]


_NONE = Correlation()
_chosen_below = 0  # of a trace id's lower half
_current: ContextVar[Correlation] = ContextVar("correlation", default=_NONE)
_annotations: ContextVar[dict[str, str] | None] = ContextVar("annotations", default=None)


def current() -> Correlation:
    """Return the correlation of the running request, task or message."""
    return _current.get()


class _Correlated:
    """What `correlated` returns: a generator would cost every request twice as much."""

    __slots__ = ("_correlation", "_token")

    def __init__(self, correlation: Correlation) -> None:
        self._correlation = correlation

    def __enter__(self) -> None:
        self._token = _current.set(self._correlation)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def correlated(correlation: Correlation) -> AbstractContextManager[None]:
    """Run the block under `correlation`."""
    return _Correlated(correlation)


@contextmanager
def annotated() -> Iterator[dict[str, str]]:
    """Run the block; yield the fields that it adds by `annotate`."""
    annotations: dict[str, str] = {}
    token = _annotations.set(annotations)
    try:
        yield annotations
    finally:
        _annotations.reset(token)


def annotate(name: str, value: str) -> None:
    """Add a field to the access line of the running request; outside a request it does nothing."""
    annotations = _annotations.get()
    if annotations is not None:
        annotations[name] = value


def sample(ratio: float) -> None:
    """Choose this ratio of the traces that begin, of 0 to 1, to be recorded; at first none."""
    global _chosen_below  # noqa: PLW0603  (one a process)
    _chosen_below = int(ratio * 2**64)


def is_chosen(trace_id: str) -> bool:
    """Say whether a trace is one of those to be recorded: the same in every process."""
    return int(trace_id[16:], 16) < _chosen_below


def is_left_out(traceparent: str) -> bool:
    """Say of most requests, at hardly any price, that nobody records them; False: it may be so.

    Such a header is the gateway's own, or a caller's who asks for nothing, and was not chosen.
    """
    try:
        return traceparent.endswith("-00") and not is_chosen(traceparent[3:35])
    except ValueError:
        return False


def child_of(traceparent: str) -> str:
    """Return the `traceparent` of a new span in the same trace."""
    return f"{traceparent[:36]}{getrandbits(64) or 1:016x}{traceparent[52:]}"


def received(request_id: str | None, traceparent: str | None) -> Correlation:
    """Return the caller's values where they are sane, new ones otherwise."""
    if not traceparent or not _TRACEPARENT.fullmatch(traceparent):
        trace_id = f"{getrandbits(128):032x}"
        flags = "01" if _chosen_below and is_chosen(trace_id) else "00"
        traceparent = f"00-{trace_id}-{getrandbits(64) or 1:016x}-{flags}"
    return Correlation(received_request_id(request_id), traceparent)


def is_traceparent(text: str) -> bool:
    """Say whether a text is a sane `traceparent` of W3C's version 00."""
    return _TRACEPARENT.fullmatch(text) is not None


def received_request_id(request_id: str | None) -> str:
    """Return the caller's request id where it is sane, a new one otherwise."""
    if request_id and _SANE_REQUEST_ID.fullmatch(request_id):
        return request_id
    # It need not be unguessable, and a system call would release the interpreter's lock.
    return f"{getrandbits(128):032x}"


def received_in(environ: Mapping[str, Any]) -> Correlation:
    """Return what `received` makes of a WSGI environment's headers."""
    return received(environ.get("HTTP_X_REQUEST_ID"), environ.get("HTTP_TRACEPARENT"))
