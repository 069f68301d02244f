"""password: the database's user is exchanged for its twin, and the old one locked."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg

from drills.drill import Control, Drill, DrillLimit, DrillRun, Healing
from drills.site import DrillSite
from drills.twin_user import end_sessions, lock, make_twin, may_log_in, sessions
from drills.verdict import FAILED, failures
from proof.history.recorded import History
from stack.profiles import MEMBERS

STILL_THERE = "connections of the old user when it was locked"
_TWIN = "twin_frontrow"
_URLS = ("DATABASE_URL", "REPLICA_URL", "IDEMPOTENCY_DATABASE_URL")


def _fault(run: DrillRun) -> Healing:
    """Exchange the user as the runbook says; without the guard the old one is locked at once."""
    site = run.site
    old = {name: site.environment[name] for name in _URLS}
    parts = urlsplit(old["DATABASE_URL"])
    user, password = str(parts.username), secrets.token_urlsafe(18)
    with _superuser(site, site.leader()) as leader:
        make_twin(leader, _TWIN, role=user, password=password)
        if run.without_guard:
            lock(leader, user)
    if run.without_guard:
        for member in MEMBERS:
            with _superuser(site, member) as asked:
                end_sessions(asked, user)
    logins = f"{user}:{parts.password}@", f"{_TWIN}:{password}@"
    site.restart(*site.take({name: url.replace(*logins) for name, url in old.items()}))
    run.figures[STILL_THERE] = sum(_sessions_on(site, member, user) for member in MEMBERS)
    with _superuser(site, site.leader()) as leader:
        lock(leader, user)
    if may_log_in(old["DATABASE_URL"]):
        run.broken.append("the old user was locked and still gets in")
    return lambda: None


@contextmanager
def _superuser(site: DrillSite, member: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(site.superuser_of(member), autocommit=True) as connection:
        yield connection


def _sessions_on(site: DrillSite, member: str, user: str) -> int:
    with _superuser(site, member) as asked:
        return sessions(asked, user)


def _look(run: DrillRun, history: History) -> None:
    failed = run.figures[FAILED] = failures(history.operations)
    if failed:
        run.broken.append(f"{failed} requests failed while the user was exchanged")
    if run.figures[STILL_THERE]:
        run.broken.append("somebody still worked as the old user when it was locked")


DRILL = Drill(
    name="password",
    says="The database's user is exchanged for its twin, process by process, and the old one"
    " locked.",
    roles=("api",),
    fault=_fault,
    takes=180.0,
    lasts=5.0,
    limits=(DrillLimit(FAILED, 0, ""), DrillLimit(STILL_THERE, 0, "")),
    look=_look,
    control=Control(breaks="Where the old user is locked at once, who still has it is refused."),
)
