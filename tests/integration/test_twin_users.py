"""Two users of a database act as one role, and one of them can be locked."""

from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from drills.twin_user import end_sessions, lock, make_twin, may_log_in, sessions
from tests.support.waiting import await_that

ROLE, TWIN = "drilled_role", "drilled_twin"
PASSWORD = "twins-secret"


@pytest.fixture
def admin(parts) -> Iterator[psycopg.Connection]:
    """The superuser, with a role of the test's own that may make tables."""
    with psycopg.connect(parts.servers.admin_url("primary"), autocommit=True) as connection:
        _drop(connection)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'old'").format(_name(ROLE)))
        connection.execute(sql.SQL("CREATE SCHEMA {0} AUTHORIZATION {0}").format(_name(ROLE)))
        make_twin(connection, TWIN, role=ROLE, password=PASSWORD)
        yield connection
        _drop(connection)


def _name(role: str) -> sql.Identifier:
    return sql.Identifier(role)


def _drop(connection: psycopg.Connection) -> None:
    for user in (TWIN, ROLE):
        end_sessions(connection, user)
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(_name(ROLE)))
    for user in (TWIN, ROLE):
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(_name(user)))


@pytest.fixture
def urls(parts) -> dict[str, str]:
    location = urlsplit(parts.servers.admin_url("primary")).netloc.rpartition("@")[2]
    return {
        user: f"postgresql://{user}:{password}@{location}/postgres"
        for user, password in ((ROLE, "old"), (TWIN, PASSWORD))
    }


def connected(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True)


def test_what_one_makes_is_the_others_too(admin, urls):
    table = sql.SQL("{}.seats").format(_name(ROLE))
    with connected(urls[TWIN]) as twin, connected(urls[ROLE]) as old:
        assert twin.execute("SELECT current_user, session_user").fetchone() == (ROLE, TWIN)
        twin.execute(sql.SQL("CREATE TABLE {} (id int)").format(table))
        old.execute(sql.SQL("ALTER TABLE {} ADD COLUMN price int").format(table))
        twin.execute(sql.SQL("DROP TABLE {}").format(table))


def test_what_the_twin_is_refused_is_not_logged(admin, urls):
    with connected(urls[TWIN]) as twin:
        assert twin.execute("SHOW log_min_messages").fetchone() == ("fatal",)


def test_a_locked_user_keeps_its_sessions_and_gets_no_more(admin, urls):
    with connected(urls[ROLE]) as old:
        lock(admin, ROLE)
        assert old.execute("SELECT 1").fetchone() == (1,)
        assert sessions(admin, ROLE) == 1
        assert not may_log_in(urls[ROLE])
        assert may_log_in(urls[TWIN])
        with connected(urls[TWIN]) as twin:
            assert twin.execute("SELECT current_user").fetchone() == (ROLE,)


def test_sessions_can_be_ended(admin, urls):
    with closing(connected(urls[ROLE])) as old:
        end_sessions(admin, ROLE)
        await_that(lambda: sessions(admin, ROLE) == 0, "its session has ended")
        with pytest.raises(psycopg.OperationalError):
            old.execute("SELECT 1")


def test_a_wrong_password_is_no_lock(admin, urls):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        may_log_in(urls[TWIN].replace(PASSWORD, "guessed"))


@pytest.mark.control
def test_control_a_twin_that_does_not_act_as_the_role_makes_tables_of_its_own(admin, urls):
    admin.execute(sql.SQL("ALTER ROLE {} RESET role").format(_name(TWIN)))
    admin.execute(sql.SQL("GRANT CREATE ON SCHEMA {} TO {}").format(_name(ROLE), _name(TWIN)))
    table = sql.SQL("{}.seats").format(_name(ROLE))
    with connected(urls[TWIN]) as twin, connected(urls[ROLE]) as old:
        twin.execute(sql.SQL("CREATE TABLE {} (id int)").format(table))
        with pytest.raises(InsufficientPrivilege):
            old.execute(sql.SQL("ALTER TABLE {} ADD COLUMN price int").format(table))
