"""Who may have a new place: checks against machines that join in bulk.

Note [Abuse checks]
A room's row says which check is in force: none, a proof of work, or a token of a service such as
Cloudflare Turnstile. The functions decide whether a caller needs one, so a join that passes costs
nothing more. A proof of work is judged without asking anybody: the challenge is a keyed hash of
performance, user and window, the answer a nonce for which SHA-256("challenge:nonce") starts with
the wanted number of zero bits (Back, "Hashcash", 2002). Only the service needs a second call.
"""

import json
import logging
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.utils.crypto import salted_hmac
from prometheus_client import Counter

from kernel.redis.breaker import Breaker, PartUnavailable
from queueing import policy
from queueing.errors import ChallengeFailed, ChallengeRequired
from queueing.models import QueueConfig

log = logging.getLogger(__name__)

unanswered = Counter(
    "frontrow_queue_challenge_service_failures_total",
    "Challenge answers that the service did not judge in time, by what was done",
    ["outcome"],
)
_LONGEST_NONCE = 64
_LONGEST_ANSWER = 64 * 1024


class ChallengeService(Protocol):
    """Judges the tokens that its widget gave to people."""

    def accepts(self, token: str, *, address: str) -> bool:
        """Say whether the token is good; raises `PartUnavailable` where it can't be told."""
        ...


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a caller has to answer, as the API shows it."""

    kind: str
    challenge: str = ""
    bits: int = 0
    site_key: str = ""

    def shown(self) -> dict[str, Any]:
        """Return the members that mean something for its kind."""
        if self.kind == QueueConfig.AbuseCheck.PROOF_OF_WORK:
            return {
                "kind": "proof_of_work",
                "algorithm": "sha-256",
                "challenge": self.challenge,
                "bits": self.bits,
            }
        return {"kind": "turnstile", "site_key": self.site_key}


class TurnstileService:
    """Cloudflare Turnstile's siteverify, or anything that speaks the same."""

    def __init__(self, url: str, secret: str, *, seconds: float) -> None:
        self._url, self._secret, self._seconds = url, secret, seconds
        self._breaker = Breaker(
            "challenge_service",
            failures_on=(OSError, ValueError),  # URLError and time-outs are OSErrors
        )

    def accepts(self, token: str, *, address: str) -> bool:
        """Ask the service; raises `PartUnavailable`."""
        return self._breaker.call(lambda: self._ask(token, address))

    def _ask(self, token: str, address: str) -> bool:
        fields = {"secret": self._secret, "response": token, "remoteip": address}
        body = urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(self._url, data=body)  # noqa: S310  (from the settings)
        with urllib.request.urlopen(request, timeout=self._seconds) as answer:  # noqa: S310
            verdict = json.loads(answer.read(_LONGEST_ANSWER))
        if not isinstance(verdict, dict):
            raise ValueError("the service's answer is no object")
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
    """Return how much work a caller's answer proves; 0 for none."""
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
    """Return the challenge that a caller is to answer."""
    return Challenge(
        kind,
        challenge=_challenge(performance_id, user_id, _window(now)),
        bits=bits,
        site_key=settings.CHALLENGE_SERVICE_SITE_KEY,
    )


def vouch(challenge: Challenge, response: str | None, *, address: str) -> None:
    """Have the service judge the answer; raises ChallengeRequired, ChallengeFailed.

    While the service doesn't answer, CHALLENGE_SERVICE_FAIL_OPEN says who may pass: all or nobody.
    """
    if not response:
        raise ChallengeRequired(challenge=challenge.shown())
    if challenge.kind != QueueConfig.AbuseCheck.TURNSTILE:
        raise ChallengeFailed(challenge=challenge.shown())
    try:
        accepted = service().accepts(response, address=address)
    except PartUnavailable:
        accepted = settings.CHALLENGE_SERVICE_FAIL_OPEN
        unanswered.labels("let_pass" if accepted else "refused").inc()
        log.warning("challenge not judged", extra={"let_pass": accepted})
    if not accepted:
        raise ChallengeFailed(challenge=challenge.shown())


def _window(now: datetime) -> int:
    return int(now.timestamp()) // policy.CHALLENGE_SECONDS


def _challenge(performance_id: UUID, user_id: UUID, window: int) -> str:
    value = f"{performance_id}:{user_id}:{window}"
    return salted_hmac("queueing.proof-of-work", value, algorithm="sha256").hexdigest()[:32]


def _zero_bits(digest: bytes) -> int:
    return len(digest) * 8 - int.from_bytes(digest, "big").bit_length()
