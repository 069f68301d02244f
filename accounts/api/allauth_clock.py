"""The clock of django-allauth: the primary's, as in all other code.

Note [Clock of allauth]
allauth reads the clock of the host: for counts that all processes share in the cache, and for
moments that it keeps in sessions (a recent login, the age of a code), which another host judges. A
host that is ahead would forget the counts of the others and find every code too old (Note [One
clock] in kernel/clock.py). It accepts no other clock, so the `time` of its modules is replaced; a
test finds the modules that use it.
"""

import time

from allauth.account import models
from allauth.account.internal import stagekit
from allauth.account.internal.flows import (
    code_verification,
    login,
    password_reset_by_code,
    reauthentication,
)
from allauth.core.internal import ratelimit
from allauth.socialaccount.internal import statekit

from kernel import clock

MODULES = (
    models,
    stagekit,
    code_verification,
    login,
    password_reset_by_code,
    reauthentication,
    ratelimit,
    statekit,
)


class PrimaryTime:
    """The functions of `time` that allauth calls."""

    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)

    @staticmethod
    def time() -> float:
        """Return the primary's seconds since the Unix epoch."""
        return clock.now().timestamp()


def install() -> None:
    """Give allauth the primary's clock, in this process."""
    for module in MODULES:
        setattr(module, "time", PrimaryTime)  # noqa: B010  (no type checker lets us write it)
