"""Beacons: public random values that are mixed into draws, and how drand's are fetched.

Note [Beacons]
Who chooses the seed can try many and keep the one that suits. So staff may announce a value that is
made in public later than the commitment, and before the first fan joins: a round of drand, or any
other that the public can look up. Only its value decides then what the seed gives, and nobody could
know it. That the value is the beacon's is for everybody to check at its source; of a round of drand
we check that the value is the SHA-256 of the signature that came with it.
"""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

import httpx
from django.conf import settings

from kernel.redis.breaker import Breaker
from queueing import policy
from queueing.errors import BeaconInvalid

_ROUND = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)
_DRAND_VALUE = re.compile(r"[0-9a-f]{64}", re.ASCII)
_VALUE = re.compile(r"[!-~]{8,256}", re.ASCII)
_NAME = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)
_LONGEST_REPLY = 16 * 1024


def published_at(source: str, round_: str, stated: datetime | None) -> datetime:
    """Return when a beacon's value comes to exist: drand's by its round, another's as stated.

    Raises BeaconInvalid.
    """
    for problem, name in (("source", source), ("round", round_)):
        if len(name) > policy.BEACON_NAME_LENGTH or not _NAME.fullmatch(name):
            raise BeaconInvalid(problem=problem)
    if source != policy.DRAND:
        if stated is None:
            raise BeaconInvalid(problem="published_at")
        return stated
    if not _ROUND.fullmatch(round_):
        raise BeaconInvalid(problem="round")
    seconds = policy.DRAND_GENESIS + (int(round_) - 1) * policy.DRAND_PERIOD_SECONDS
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError as error:
        raise BeaconInvalid(problem="round") from error


def checked_value(source: str, value: str) -> str:
    """Return a beacon's value in the one form that is mixed in; raises BeaconInvalid."""
    form = _DRAND_VALUE if source == policy.DRAND else _VALUE
    if not form.fullmatch(value):
        raise BeaconInvalid(problem="value")
    return value


class DrandService:
    """An HTTP API of drand: `<url><round>` gives the round, within `seconds` altogether."""

    def __init__(self, url: str, *, seconds: float) -> None:
        self._url, self._seconds = url, seconds
        # RecursionError: a reply nested too deep.
        failures = (httpx.HTTPError, ValueError, TimeoutError, RecursionError)
        self._breaker = Breaker("drand", failures_on=failures)

    def value_of(self, round_: str) -> str:
        """Return the randomness of a round; raises `DependencyUnavailable`."""
        return self._breaker.call(lambda: _randomness(self._fetched(round_), round_))

    def _fetched(self, round_: str) -> Any:
        return json.loads(asyncio.run(self._received(round_)))

    async def _received(self, round_: str) -> bytes:
        """Return the bytes of a reply, as sent.

        httpx limits each read, and a server may send byte by byte, its headers too; so the limit of
        all of it is the event loop's.
        """
        received = b""
        headers = {"Accept-Encoding": "identity"}
        async with (
            asyncio.timeout(self._seconds),
            httpx.AsyncClient(timeout=self._seconds) as client,
            client.stream("GET", f"{self._url}{round_}", headers=headers) as reply,
        ):
            reply.raise_for_status()
            async for piece in reply.aiter_raw():
                received += piece
                if len(received) > _LONGEST_REPLY:
                    raise ValueError("drand's reply is too long")
        return received


@cache
def drand() -> DrandService:
    """Return this process's client."""
    return DrandService(settings.DRAND_URL, seconds=settings.DRAND_SECONDS)


def _randomness(reply: Any, round_: str) -> str:
    """Return what a reply says, once it fits together; raises ValueError."""
    if not isinstance(reply, dict) or reply.get("round") != int(round_):
        raise ValueError("not the round of drand that was asked for")
    value, signature = reply.get("randomness"), reply.get("signature")
    if not isinstance(value, str) or not isinstance(signature, str):
        raise ValueError("drand's reply lacks its value")
    if not _DRAND_VALUE.fullmatch(value) or sha256(bytes.fromhex(signature)).hexdigest() != value:
        raise ValueError("drand's value is not that of its signature")
    return value
