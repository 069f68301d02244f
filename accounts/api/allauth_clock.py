"""What time it is for django-allauth: the primary's, as for everybody else.

Note [Clock of allauth]
allauth asks the host: for counts that all processes share in the cache, and for moments that it
keeps in sessions (a recent login, the age of a code), which another host judges. A host that is
ahead would forget the counts of the others and find every code too old (Note [One clock] in
kernel/clock.py). It takes no clock from outside, so what its modules call `time` is replaced; a
test finds those that ask.
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

from kernel import clock

MODULES = (
    models,
    stagekit,
    code_verification,
    login,
    password_reset_by_code,
    reauthentication,
    ratelimit,
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
    """Let allauth go by the primary's clock, in this process."""
    for module in MODULES:
        setattr(module, "time", PrimaryTime)  # noqa: B010  (no type checker lets us write it)
