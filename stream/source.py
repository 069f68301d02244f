"""Readings of the API's public documents: bounded in number, in size and in time."""

import asyncio
import json
from types import TracebackType
from typing import Any, Self

import httpx

from stream import metrics
from stream.documents import Document
from stream.problems import NoStream, problem, retry_after
from stream.settings import Settings

_SECONDS = 3.0  # until a reading is given up
_CONNECTIONS = 16
# Refusals that say something of the performance; every other one is a failure to read.
_ANSWERS = {404, 409, 410}
_PASSED_ON = ("content-type", "retry-after")


class ReadFailed(Exception):
    """There is no document: the API is unavailable, or sent what is none."""


class TooMany(Exception):
    """So many others wait for their turn that this one need not begin."""


class Pacer:
    """Turns at most so often a second; to be used on one event loop."""

    def __init__(self, per_second: int, *, patience: float) -> None:
        self._gap = 1 / per_second
        self._patience = patience
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next turn. Raises TooMany where it is farther than the patience, in s."""
        now = asyncio.get_running_loop().time()
        at = max(self._next, now)
        if at - now > self._patience:
            raise TooMany
        self._next = at + self._gap
        if at > now:
            await asyncio.sleep(at - now)


class Source:
    """The API behind its public address; an asynchronous context manager."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.document_bytes
        self._client = httpx.AsyncClient(
            base_url=settings.source_url,
            timeout=_SECONDS,
            limits=httpx.Limits(max_connections=_CONNECTIONS),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def read(self, kind: str, performance_id: str, *, language: str = "ko") -> Document:
        """Return a document. Raises NoStream (the API's own words) or ReadFailed."""
        path = f"/api/v1/performances/{performance_id}/{kind}/"
        try:
            async with asyncio.timeout(_SECONDS):
                status, headers, body = await self._fetch(path, language)
        except (httpx.HTTPError, TimeoutError) as error:
            metrics.reads.labels("unavailable").inc()
            raise ReadFailed(repr(error)) from error
        if status in _ANSWERS:
            metrics.reads.labels("refused").inc()
            raise NoStream(status, body, headers)
        if status != httpx.codes.OK:
            metrics.reads.labels("failed").inc()
            raise ReadFailed(f"status {status}")
        try:
            document = json.loads(body)
        except ValueError as error:
            metrics.reads.labels("malformed").inc()
            raise ReadFailed(repr(error)) from error
        if not isinstance(document, dict):
            metrics.reads.labels("malformed").inc()
            raise ReadFailed("this is no JSON object")
        metrics.reads.labels("read").inc()
        return document

    async def _fetch(self, path: str, language: str) -> tuple[int, Any, bytes]:
        """Return a response, of which no more is taken than may be."""
        asked = self._client.stream("GET", path, headers={"Accept-Language": language})
        async with asked as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._most:
                    raise httpx.DecodingError("the document is too large")
            kept = tuple(
                (name.encode(), response.headers[name].encode("latin-1"))
                for name in _PASSED_ON
                if name in response.headers
            )
            return response.status_code, kept, bytes(body)


def unreachable(language: str) -> NoStream:
    """Return what a listener gets while the API cannot be read."""
    return problem(503, "unavailable", language, retry_after(5))
