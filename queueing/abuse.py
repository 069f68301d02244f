"""Abuse checks: who may have a new place, against machines that join in bulk.

Note [Abuse checks]
A room's row says which check is in force: none, a proof of work, or a token of a service such as
Cloudflare Turnstile. The functions decide whether a caller needs one, so a join that passes costs
nothing more. A proof of work is checked here: the challenge is a keyed hash of performance, user
and window, the response a nonce for which SHA-256("challenge:nonce") starts with the wanted number
of zero bits (Back, "Hashcash", 2002). Only the service needs a second call.
"""

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

import httpx
from django.conf import settings
from django.utils.crypto import salted_hmac
from prometheus_client import Counter

from kernel.redis.breaker import Breaker, DependencyUnavailable
from queueing import policy
from queueing.errors import ChallengeFailed, ChallengeRequired
from queueing.models import AbuseCheck

log = logging.getLogger(__name__)

unjudged = Counter(
    "frontrow_queue_challenge_service_failures_total",
    "Responses to challenges that the service did not judge in time, by what was done",
    ["outcome"],
)
_LONGEST_NONCE = 64
_LONGEST_REPLY = 64 * 1024


class ChallengeService(Protocol):
    """Judges the tokens that its widget gave to people."""

    def accepts(self, token: str, *, client_ip: str) -> bool:
        """Return whether the token is good; raises `DependencyUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge to a caller, as the API shows it."""

    kind: str
    challenge: str = ""
    bits: int = 0
    site_key: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the members that mean something for its kind."""
        if self.kind == AbuseCheck.PROOF_OF_WORK:
            return {
                "kind": "proof_of_work",
                "algorithm": "sha-256",
                "challenge": self.challenge,
                "bits": self.bits,
            }
        return {"kind": "turnstile", "site_key": self.site_key}


class TurnstileService:
    """Cloudflare Turnstile's siteverify, or any service with the same protocol."""

    def __init__(self, url: str, secret: str, *, seconds: float) -> None:
        self._url, self._secret = url, secret
        self._client = httpx.Client(timeout=seconds)
        self._breaker = Breaker("challenge_service", failures_on=(httpx.HTTPError, ValueError))

    def accepts(self, token: str, *, client_ip: str) -> bool:
        """Send the token to the service; raises `DependencyUnavailable`."""
        return self._breaker.call(lambda: self._verdict(token, client_ip))

    def _verdict(self, token: str, client_ip: str) -> bool:
        fields = {"secret": self._secret, "response": token, "remoteip": client_ip}
        received = b""
        with self._client.stream("POST", self._url, data=fields) as reply:
            reply.raise_for_status()
            for piece in reply.iter_bytes():
                received += piece
                if len(received) > _LONGEST_REPLY:
                    raise ValueError("the service's reply is too long")
        verdict = json.loads(received)
        if not isinstance(verdict, dict):
            raise ValueError("the service's reply is no object")
        return verdict.get("success") is True


@cache
def service() -> ChallengeService:
    """Return this process's service."""
    return TurnstileService(
        settings.CHALLENGE_SERVICE_URL,
        settings.CHALLENGE_SERVICE_SECRET,
        seconds=settings.CHALLENGE_SERVICE_SECONDS,
    )


def bits_shown(response: str | None, *, performance_id: UUID, user_id: UUID, now: datetime) -> int:
    """Return how much work a caller's response proves; 0 for none."""
    if not response or len(response) > _LONGEST_NONCE:
        return 0
    window = _window(now)
    return max(
        _zero_bits(
            sha256(f"{_challenge(performance_id, user_id, at)}:{response}".encode()).digest()
        )
        for at in (window, window - 1)
    )


def challenge_of(
    kind: str, *, bits: int, performance_id: UUID, user_id: UUID, now: datetime
) -> Challenge:
    """Return the challenge that a caller is to meet."""
    return Challenge(
        kind,
        challenge=_challenge(performance_id, user_id, _window(now)),
        bits=bits,
        site_key=settings.CHALLENGE_SERVICE_SITE_KEY,
    )


def verify_response(challenge: Challenge, response: str | None, *, client_ip: str) -> None:
    """Have the service judge the response; raises ChallengeRequired, ChallengeFailed.

    While the service doesn't reply, CHALLENGE_SERVICE_FAIL_OPEN says who may pass: all or nobody.
    """
    if not response:
        raise ChallengeRequired(challenge=challenge.as_json())
    if challenge.kind != AbuseCheck.TURNSTILE:
        raise ChallengeFailed(challenge=challenge.as_json())
    try:
        accepted = service().accepts(response, client_ip=client_ip)
    except DependencyUnavailable:
        accepted = settings.CHALLENGE_SERVICE_FAIL_OPEN
        unjudged.labels("let_pass" if accepted else "refused").inc()
        log.warning("challenge not judged", extra={"let_pass": accepted})
    if not accepted:
        raise ChallengeFailed(challenge=challenge.as_json())


def _window(now: datetime) -> int:
    return int(now.timestamp()) // policy.CHALLENGE_SECONDS


def _challenge(performance_id: UUID, user_id: UUID, window: int) -> str:
    value = f"{performance_id}:{user_id}:{window}"
    return salted_hmac("queueing.proof-of-work", value, algorithm="sha256").hexdigest()[:32]


def _zero_bits(digest: bytes) -> int:
    return len(digest) * 8 - int.from_bytes(digest, "big").bit_length()
