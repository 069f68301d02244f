"""The settings of a developer's machine and of the demo: everything on 127.0.0.1."""

from config.settings.base import *
from config.settings.demo import *
from kernel.rate_limiting.rates import TunedRates

TEST_FANS_ALLOWED = True
CHECKINS_WAIT_FOR_DOORS = False
WEBHOOKS_TO_LOOPBACK = True

# Load scripts play thousands of fans from one client IP.
RATE_LIMITS = (
    dict.fromkeys(RATE_LIMITS, "6000/minute")
    | {"anonymous": "10000000/minute", "join_address": "10000000/minute"}
    | {"hold_address": "10000000/minute"}
    | {name: RATE_LIMITS[name] for name in ("login_account", "login_device")}
    | CHOSEN_RATE_LIMITS
)
ACCOUNT_RATE_LIMITS = TunedRates({"signup": ""}, fixed=ALLAUTH_COUNTS_NO_LOGINS)
