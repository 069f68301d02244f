"""Login attempts: counted before they are judged, and refused where too many have failed.

Note [Failed logins]
Every attempt is counted before it is judged, and taken back when it was right: a thousand attempts
at once count as a thousand. Two limits count it. One belongs to the client IP, whatever the
accounts; it counts only failures, as whole networks stand behind one IP. The other belongs to the
account: each device that was used before has a counter of its own (`login_device`), recognised by
its token (Note [Device tokens]) or else by a client IP that has logged in to this account;
everybody else shares one (`login_account`). So strangers lock strangers out, never the owner on a
device of his. The staff pages and the API count together. Accounts are named by the e-mail address
typed, whether or not there is such an account.

A function in the cache role counts, for all processes together and by that server's clock. While it
is unavailable each process counts alone, by device token or client IP, and
`frontrow_login_attempts_unshared_total` says how often: n processes then let n times as many pass,
and nobody is locked out of an account because a server is down.
"""

import math
import time
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from django.conf import settings
from prometheus_client import Counter

from accounts import devices, policy
from kernel.caller import client_ip_tag
from kernel.rate_limiting import gcra
from kernel.rate_limiting.rates import Rate, rate_of
from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import guarded
from kernel.redis.functions import FunctionLibrary

_LIBRARY = FunctionLibrary("cache", Path(__file__).parent / "lua" / "logins.lua")
_BASE = "fr:c:login:"
_ROUTES = {1: "login", 2: "login_device", 3: "login_account", 4: "login_device"}

unshared = Counter(
    "frontrow_login_attempts_unshared_total", "Login attempts counted by one process alone"
)
_own = gcra.Gcra(most=100_000)


@dataclass(slots=True)
class LoginAttempt:
    """One attempt at a password; a refused one has the `route` of the limit and `wait` seconds."""

    account: str  # a keyed hash of the e-mail address typed
    device: devices.Device
    keys: tuple[str, ...]
    counted: dict[str, Rate] = field(default_factory=dict)
    is_shared: bool = True
    route: str = ""
    wait: int = 0

    @property
    def is_refused(self) -> bool:
        """Return whether it must wait, unjudged."""
        return self.wait > 0


def begin(*, email: str, client_ip: str, device_token: str) -> LoginAttempt:
    """Count an attempt; `email` in the one spelling that accounts have."""
    account = _tag(email)
    device = devices.read(device_token, account=account)
    network = client_ip_tag(client_ip)
    attempt = LoginAttempt(
        account,
        device,
        (
            f"{_BASE}ip:{network}",
            f"{_BASE}device:{account}:{device.name or '-'}",
            f"{_BASE}account:{account}",
            f"{_BASE}device:{account}:{network}",
            f"{_BASE}known:{account}:{network}",
        ),
    )
    ip, own, anybody = (rate_of(name) for name in ("login", "login_device", "login_account"))
    args = [int(device.name is not None)]
    for rate in (ip, own, anybody):
        args += [rate.amount, rate.period_seconds * 1000]
    try:
        refusing, wait_ms, second = _LIBRARY.call("login_begin", keys=attempt.keys, args=args)
    except DependencyUnavailable:
        return _count_here(attempt, ip, own)
    if refusing:
        attempt.route, attempt.wait = _ROUTES[refusing], max(1, math.ceil(wait_ms / 1000))
    else:
        attempt.counted = {
            attempt.keys[0]: ip,
            attempt.keys[second - 1]: anybody if second == 3 else own,
        }
    return attempt


def take_back(attempt: LoginAttempt, *, succeeded: bool) -> None:
    """Stop counting the attempt: it was right, or could not be judged."""
    if not attempt.is_shared:
        for key, rate in attempt.counted.items():
            _own.refund(key, rate)
        return
    if not attempt.counted:
        return
    mark = policy.KNOWN_IP_MS if succeeded else 0
    each = [rate.period_seconds * 1000 / rate.amount for rate in attempt.counted.values()]
    with suppress(DependencyUnavailable):  # what it took comes back by itself
        _LIBRARY.call("login_succeed", keys=[*attempt.counted, attempt.keys[4]], args=[*each, mark])


def remember_client_ip(*, email: str, client_ip: str) -> None:
    """Count this client IP separately from now on: the account's owner has just used it."""
    key = f"{_BASE}known:{_tag(email)}:{client_ip_tag(client_ip)}"
    with suppress(DependencyUnavailable):  # the first login remembers it too
        guarded("cache", lambda server: server.set(key, "1", px=policy.KNOWN_IP_MS))


def _count_here(attempt: LoginAttempt, ip: Rate, own: Rate) -> LoginAttempt:
    unshared.inc()
    attempt.is_shared = False
    device = attempt.keys[3 if attempt.device.name is None else 1]
    for key, route, rate in ((device, "login_device", own), (attempt.keys[0], "login", ip)):
        counted: Any = _own.count(key, rate, now=time.monotonic())
        if counted.is_refused:
            attempt.route, attempt.wait = route, counted.reset
            break
        attempt.counted[key] = rate
    return attempt


def _tag(email: str) -> str:
    secret = settings.SECRET_KEY.encode()[:64]
    return blake2b(email.encode(), key=secret, digest_size=12).hexdigest()
