"""The rate limits of persons and client IPs; see kernel/rate_limiting/throttle.py.

Rows that staff write (`accounts.RateLimit`) go before all of it.
"""

from django.core.exceptions import ImproperlyConfigured

from kernel import env
from kernel.rate_limiting.rates import TunedRates

_DEFAULTS = {
    # Per client IP and process, every call that no limit of a person counts, whatever it asks for;
    # a refused one counts as three (Note [Counted first]). A carrier's network puts thousands of
    # fans behind one IP: 5,000 of them refresh their logins 17 times a second.
    "anonymous": "1200/30 seconds",
    "refused": "60/minute",  # per person, malformed calls of every route
    "default": "600/minute",  # per person, every route not named below
    "machine": "6000/minute",  # per API key, every route
    "webhook": "12000/minute",  # per payment gateway, what it has signed
    # The queue server counts joins, per performance; rows may set other limits per room.
    "join": "60/minute",  # per person
    "join_address": "6000/minute",  # per client IP: whole networks stand behind one
    "poll": "240/minute",
    # The lock server counts holds in the same way; sale policies may set other limits.
    "hold": "60/minute",  # per person
    "hold_address": "6000/minute",  # per client IP
    "pay": "30/minute",
    "charge": "30/minute",
    "door_search": "30/minute",  # per member of staff: each shows names (tickets/usecases)
    # Failed logins (Note [Failed logins] in accounts/attempts.py).
    "login": "300/minute",  # per client IP: whole networks stand behind one
    "login_account": "10/10 minute",  # per account, from devices that were never used for it
    "login_device": "10/10 minute",  # per account, from each device that was
}
CHOSEN_RATE_LIMITS = env.rates(
    "RATE_LIMITS",
    default={},
    help="Limits that differ from the defaults, as route=amount/period, e.g. "
    "hold=60/minute,anonymous=1200/minute. Routes: " + ", ".join(_DEFAULTS) + ".",
)
if CHOSEN_RATE_LIMITS.keys() - _DEFAULTS.keys():
    _unknown = ", ".join(sorted(CHOSEN_RATE_LIMITS.keys() - _DEFAULTS.keys()))
    raise ImproperlyConfigured(f"RATE_LIMITS: no such route: {_unknown}")
RATE_LIMITS = _DEFAULTS | CHOSEN_RATE_LIMITS
DEFAULT_RATE_LIMITS = _DEFAULTS  # a rehearsal sets them where other settings are laxer
# Counted in Redis for all processes together, as joins, holds and failed logins are by the
# functions that do them, and sign-ups by allauth; the others are counted by each process alone, so
# that the busiest routes cost no round trip more.
SHARED_RATE_LIMITS = {"pay", "charge", "door_search"}

# The counts of allauth, in the cache: a list of time stamps a key, so keep the amounts small. Those
# per client IP must be enough for a whole network at the opening of a sale.
ALLAUTH_COUNTS_NO_LOGINS = {"login": "", "login_failed": ""}  # accounts/attempts.py does
ACCOUNT_RATE_LIMITS = TunedRates(
    {
        "signup": "300/m/ip",
        "reset_password": "100/m/ip,5/m/key",
        "reset_password_from_key": "100/m/ip",
    },
    fixed=ALLAUTH_COUNTS_NO_LOGINS,
)
# The provider of staff's rates, above the kernel, which calls it (kernel/rate_limiting/rates.py).
RATE_LIMIT_PROVIDER = "accounts.rate_limits.chosen"

# Bytes of a body by its path, the first that matches; others may have BODY_LIMIT. Judged before a
# byte is read (kernel/http/body_limits.py).
BODY_LIMIT = 64 * 1024
BODY_LIMITS = (
    (r"/api/v1/checkins/batch/", 256 * 1024),  # 200 scans
    (r"/door/performances/[0-9a-f-]{36}/scans/batch/", 256 * 1024),
    # A layout and its form around it.
    (r"/admin/concerts/performance/[0-9a-f-]{36}/layout/", 33 * 1024 * 1024),
    (r"/admin/concerts/concert/[0-9a-f-]{36}/poster/", 11 * 1024 * 1024),
    (r"/(ko|en)/staff/performances/[0-9a-f-]{36}/layout/", 33 * 1024 * 1024),
    (r"/(ko|en)/staff/.*", 256 * 1024),
    (r"/admin/.*", 1024 * 1024),  # forms of staff, with texts and many rows
)
