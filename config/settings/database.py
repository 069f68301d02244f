"""The settings of PostgreSQL: primary, replica, and the database of idempotency records."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from kernel import env
from kernel.db.connection import patient_for

_POSTGRES = ("postgresql", "postgres")
_HELP = "May name several hosts, with ?target_session_attrs=read-write."

DATABASE_POOL_SIZE = env.integer(
    "DATABASE_POOL_SIZE", default=8, minimum=1, maximum=200, help="Connections per process."
)
_STATEMENT_SECONDS = 15
# Seconds after which a server that no longer enforces its own time-outs is given up; the replica
# sooner, as the primary can answer in its place.
_RESPONSE_TIMEOUT = _STATEMENT_SECONDS + 2
_REPLICA_RESPONSE_TIMEOUT = 2
_RECONNECT_SECONDS = 1.0
# A request that has waited this long for a row fails as busy; the client tries again.
_SESSION = {
    "lock_timeout": "3s",
    "statement_timeout": f"{_STATEMENT_SECONDS}s",
    "idle_in_transaction_session_timeout": "30s",
}


def _database(
    url: str,
    *,
    application: str = "frontrow",
    connect_timeout: int = 3,
    response_timeout: float = _RESPONSE_TIMEOUT,
) -> dict[str, Any]:
    """Return Django's form of a libpq URL; `host` may be a list, as libpq takes it."""
    parts = urlsplit(url)
    location = parts.netloc.rpartition("@")[2]
    hosts, ports = [], []
    for place in location.split(","):
        host, _, port = place.rpartition(":") if ":" in place else (place, "", "")
        hosts.append(host)
        ports.append(port or "5432")
    settings = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    return {
        "ENGINE": "django_prometheus.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(user),
        "PASSWORD": unquote(password),
        "HOST": ",".join(hosts),
        "PORT": ",".join(ports),
        "CONN_MAX_AGE": 0,  # the pool keeps connections, not the thread
        "OPTIONS": {
            "connect_timeout": connect_timeout,
            "application_name": application,
            "options": settings,
            "pool": {
                "min_size": 0,
                "max_size": DATABASE_POOL_SIZE,
                "timeout": connect_timeout,
                # By itself a pool waits twice as long after each failure, and so finds a new
                # primary up to twice as late as there is one. After this it gives up, and who
                # wants a connection next makes it try again at once.
                "reconnect_timeout": _RECONNECT_SECONDS,
                "connection_class": patient_for(response_timeout),
            },
            **dict(parse_qsl(parts.query)),
        },
    }


_primary = env.url("DATABASE_URL", schemes=_POSTGRES, secret=True, help="The primary. " + _HELP)
_replica = env.url(
    "REPLICA_URL",
    schemes=_POSTGRES,
    secret=True,
    default=_primary,
    shown_default="the value of DATABASE_URL",
    help="A streaming replica for catalogue reads; without it the primary answers. " + _HELP,
)
DATABASES = {
    "default": _database(_primary),
    "replica": _database(
        _replica,
        application="frontrow-read",
        connect_timeout=1,
        response_timeout=_REPLICA_RESPONSE_TIMEOUT,
    ),
    "idempotency": _database(
        env.url(
            "IDEMPOTENCY_DATABASE_URL",
            schemes=_POSTGRES,
            secret=True,
            help="The database of idempotency records. " + _HELP,
        ),
        application="frontrow-idempotency",
    ),
}
DATABASES["replica"]["TEST"] = {"MIRROR": "default"}
if _replica == _primary:
    del DATABASES["replica"]
DATABASE_ROUTERS = ["kernel.db.router.FrontrowRouter"]

REPLICA_MAX_LAG_SECONDS = 1.0
REPLICA_CHECK_SECONDS = 0.5

# How often each process reads the primary's clock (Note [One clock] in kernel/clock.py).
CLOCK_REFRESH_SECONDS = 5.0
# Deadlines go by the primary's clock, but logs, TLS and libraries by the host's.
CLOCK_OFFSET_LIMIT_SECONDS = env.integer(
    "CLOCK_OFFSET_LIMIT_SECONDS",
    default=30,
    minimum=1,
    maximum=3600,
    help="A host whose clock is further than this from the primary's gets no requests, in seconds.",
)
