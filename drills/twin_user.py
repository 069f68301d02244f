"""Two users of a database that act as one role, as docs/runbook.md has it (The database's user)."""

import psycopg
from psycopg import sql

_MAKE = (
    "CREATE ROLE {twin} LOGIN PASSWORD {password} IN ROLE {role}",
    "ALTER ROLE {twin} SET role = {role}",
    "ALTER ROLE {twin} SET log_min_messages = 'fatal'",
)
_LOCK = "ALTER ROLE {user} NOLOGIN"
_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
_END = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = %s"


def make_twin(leader: psycopg.Connection, twin: str, *, role: str, password: str) -> None:
    """Make a user that acts as `role`; the connection is the superuser's."""
    # As the server keeps it: neither a log nor a list of statements sees the password.
    verifier = leader.pgconn.encrypt_password(
        password.encode(), twin.encode(), b"scram-sha-256"
    ).decode()
    names = {"twin": sql.Identifier(twin), "role": sql.Identifier(role)}
    for statement in _MAKE:
        leader.execute(sql.SQL(statement).format(**names, password=sql.Literal(verifier)))


def lock(leader: psycopg.Connection, user: str) -> None:
    """Let a user open no more sessions; those that are open go on."""
    leader.execute(sql.SQL(_LOCK).format(user=sql.Identifier(user)))


def sessions(member: psycopg.Connection, user: str) -> int:
    """Return how many sessions a user has on one server."""
    [count] = member.execute(_SESSIONS, (user,)).fetchone() or (0,)
    return int(count)


def end_sessions(member: psycopg.Connection, user: str) -> None:
    """End the sessions of a user on one server, whatever they are doing."""
    member.execute(_END, (user,))


def may_log_in(url: str) -> bool:
    """Say whether the user of a URL gets in; raises `OperationalError` for another failure."""
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.OperationalError as error:
        if "not permitted to log in" not in str(error):
            raise
        return False
    return True
