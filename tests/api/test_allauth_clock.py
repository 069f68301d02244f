"""django-allauth counts and remembers by one clock on every host."""

import re
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.test import Client

from accounts.api import allauth_clock

PASSWORD = "orange-harbour-97"
# What is off here: its own tokens, its own pages for second factors, codes judged by itself, and
# ID tokens, which accounts/id_tokens.py judges.
NOT_OURS = (
    *("headless/tokens/strategies/jwt/", "mfa/", "tests/"),
    *("socialaccount/providers/", "socialaccount/internal/jwtkit.py"),
)


def sign_up(number: int) -> int:
    body = {"email": f"fan{number}@example.com", "password": PASSWORD}
    return Client().post("/_allauth/app/v1/auth/signup", body, "application/json").status_code


def sign_up_on_a_host_ahead(settings, monkeypatch) -> list[int]:
    """Sign up twice, then once more on a host whose clock is an hour ahead; two are allowed."""
    settings.ACCOUNT_RATE_LIMITS = {"signup": "2/m/ip"}
    statuses = [sign_up(1), sign_up(2)]
    true = time.time
    monkeypatch.setattr(time, "time", lambda: true() + 3600)
    return [*statuses, sign_up(3)]


def test_a_host_that_is_ahead_forgets_no_sign_up(settings, monkeypatch):
    assert sign_up_on_a_host_ahead(settings, monkeypatch) == [200, 200, 429]


@pytest.mark.control
def test_control_by_the_hosts_own_clock_it_does(settings, monkeypatch):
    for module in allauth_clock.MODULES:
        monkeypatch.setattr(module, "time", time)
    assert sign_up_on_a_host_ahead(settings, monkeypatch) == [200, 200, 200]


def test_every_module_that_asks_what_time_it_is_is_answered_by_us():
    library = Path(find_spec("allauth").origin).parent
    asking = set()
    for part in ("account", "core", "headless", "mfa", "socialaccount"):
        for path in (library / part).rglob("*.py"):
            name = path.relative_to(library).as_posix()
            ours = not any(name.startswith(one) or f"/{one}" in name for one in NOT_OURS)
            if ours and re.search(r"\btime\.time\(\)", path.read_text()):
                asking.add(f"allauth.{name.removesuffix('.py').replace('/', '.')}")
    assert asking == {module.__name__ for module in allauth_clock.MODULES}
