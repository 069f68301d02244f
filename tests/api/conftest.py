"""Clients for tests that send what no honest client would (tests/support/hostile.py)."""

import pytest

from accounts.models import User
from tests.support.hostile import Caller, token_of


@pytest.fixture
def caller(fan: User) -> Caller:
    """Return a client logged in as `fan`."""
    return Caller(token_of(fan))


@pytest.fixture
def nobody(db_ready: None) -> Caller:
    """Return a client without a login."""
    return Caller(None)
