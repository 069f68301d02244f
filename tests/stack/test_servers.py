"""The real servers of a test session: what they promise, and how they come back."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import redis
from confluent_kafka.admin import AdminClient, NewTopic

from stack.errors import StackError
from stack.os_users import private_file, remove_home
from stack.postgres import settings
from stack.process import start_time, wait_until
from stack.process_registry import read_json, write_json
from stack.testing import TestServers

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def servers(tmp_path_factory) -> Iterator[TestServers]:
    made = TestServers(tmp_path_factory.mktemp("servers"))
    made.up()
    yield made
    made.down()
    made.erase()


@pytest.fixture
def environment(servers) -> dict[str, str]:
    for part in ("primary", "replica", "cache", "lock", "queue", "broker"):
        servers.part(part).start()
    return servers.environment()


def _ask(url: str, statement: str) -> list[tuple]:
    with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_both_databases_belong_to_a_role_that_is_no_superuser(environment):
    for name in ("DATABASE_URL", "IDEMPOTENCY_DATABASE_URL"):
        [(superuser, owner, creates)] = _ask(
            environment[name],
            "SELECT rolsuper, pg_has_role(datdba, 'MEMBER'), rolcreatedb"
            " FROM pg_roles, pg_database"
            " WHERE rolname = current_user AND datname = current_database()",
        )
        assert (superuser, owner, creates) == (False, True, True)


def test_a_wrong_password_is_refused(environment):
    wrong = environment["DATABASE_URL"].replace("frontrow:", "frontrow:x", 1)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _ask(wrong, "SELECT 1")


HASH = "argon2$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"
REFUSED = {
    "unique": "INSERT INTO people VALUES (1, '{0}', '{0}')",
    "null": "INSERT INTO people VALUES (NULL, '{0}', '{0}')",
    "check": "INSERT INTO people VALUES (-1, '{0}', '{0}')",
    "too long": "INSERT INTO people VALUES (2, repeat('{0}', 90), 'x')",
    "no number": "SELECT '{0}'::int",
    "no uuid": "SELECT '{0}'::uuid",
    "syntax": "SELEC '{0}'",
    "no column": 'SELECT "{0}" FROM people',
    "raised": "DO $$ BEGIN RAISE EXCEPTION '{0}'; END $$",
    "warned": "DO $$ BEGIN RAISE WARNING '{0}'; END $$",
}


@pytest.fixture
def people(environment) -> str:
    """A table with constraints; return the application's way in."""
    url = environment["DATABASE_URL"]
    _ask(
        url,
        "CREATE TABLE IF NOT EXISTS people (id int PRIMARY KEY CHECK (id > 0),"
        " email varchar(254), password text)",
    )
    _ask(url, "INSERT INTO people VALUES (1, 'a', 'b') ON CONFLICT DO NOTHING")
    return url


def _refuse(url: str, statement: str) -> None:
    with suppress(psycopg.Error):
        _ask(url, statement)


@pytest.mark.parametrize("statement", REFUSED.values(), ids=REFUSED.keys())
def test_the_servers_log_holds_no_value_of_a_refused_statement(servers, people, statement):
    marker = f"{HASH}{len(statement)}{uuid4().hex}"
    _refuse(people, statement.format(marker))
    # With parameters apart from the statement, too.
    with suppress(psycopg.Error), psycopg.connect(people) as connection:
        connection.execute("INSERT INTO people VALUES (%s, %s, %s)", (1, marker, marker))
    assert marker not in servers.part("primary").log.read_text()
    assert marker[:60] not in servers.part("primary").log.read_text()


@pytest.mark.control
def test_control_a_session_that_logs_as_postgres_does_by_itself_shows_the_value(servers, people):
    marker = f"{HASH}{uuid4().hex}"
    servers.cluster("primary").sql(
        "ALTER ROLE frontrow SET log_min_error_statement = 'error';"
        "ALTER ROLE frontrow SET log_min_messages = 'warning';"
    )
    try:
        _refuse(people, REFUSED["unique"].format(marker))
        assert marker in servers.part("primary").log.read_text()
    finally:
        servers.cluster("primary").sql(
            "ALTER ROLE frontrow RESET log_min_error_statement;"
            "ALTER ROLE frontrow SET log_min_messages = 'fatal';"
        )


@pytest.mark.parametrize("part", ["DATABASE_URL", "REPLICA_URL", "IDEMPOTENCY_DATABASE_URL"])
def test_no_server_logs_statements_for_being_slow(environment, part):
    for name, value in settings.NO_VALUES.items():
        assert _ask(environment[part], f"SHOW {name}") == [(value,)], name


def test_the_application_sees_how_far_the_replica_is(environment):
    [(state, slot)] = _ask(
        environment["DATABASE_URL"],
        "SELECT state, slot_name FROM pg_stat_replication JOIN pg_replication_slots"
        " ON active_pid = pid",
    )
    assert (state, slot) == ("streaming", "replica")


def test_what_is_written_reaches_the_replica_and_nothing_can_be_written_there(environment):
    _ask(environment["DATABASE_URL"], "CREATE TABLE reaches (a int)")
    assert wait_until(lambda: _has(environment["REPLICA_URL"], "reaches"), 10)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        _ask(environment["REPLICA_URL"], "INSERT INTO reaches VALUES (1)")


def test_a_replica_that_was_away_catches_up(servers, environment):
    servers.part("replica").stop()
    with pytest.raises(psycopg.OperationalError):
        _ask(environment["REPLICA_URL"], "SELECT 1")
    _ask(environment["DATABASE_URL"], "CREATE TABLE missed (a int)")
    servers.part("replica").start()
    assert wait_until(lambda: _has(environment["REPLICA_URL"], "missed"), 10)


def test_a_replica_whose_slot_is_lost_is_copied_again(servers, environment):
    servers.part("replica").stop()
    servers.cluster("primary").sql("SELECT pg_drop_replication_slot('replica')")
    (servers.data_dir.home / "replica" / "old").touch()
    _ask(environment["DATABASE_URL"], "CREATE TABLE copied (a int)")
    servers.part("replica").start()
    assert wait_until(lambda: _has(environment["REPLICA_URL"], "copied"), 10)
    assert not (servers.data_dir.home / "replica" / "old").exists()


def test_a_replica_of_another_primary_is_copied_again(servers, environment):
    servers.part("replica").stop()
    replica = servers.cluster("replica")
    shutil.rmtree(replica.folder)
    replica.run("initdb", "-D", str(replica.folder), "-U", "postgres", "--no-sync")
    private_file(replica.folder / "standby.signal", "", servers.data_dir.os_user)
    servers.part("replica").start()
    assert _ask(environment["REPLICA_URL"], "SELECT pg_is_in_recovery()") == [(True,)]


def test_a_killed_primary_keeps_what_was_committed(servers, environment):
    _ask(environment["DATABASE_URL"], "CREATE TABLE kept (a int)")
    servers.part("primary").kill()
    with pytest.raises(psycopg.OperationalError):
        _ask(environment["DATABASE_URL"], "SELECT 1")
    servers.part("primary").start()
    assert _has(environment["DATABASE_URL"], "kept")


def test_each_redis_fails_alone(servers, environment):
    queue = redis.Redis.from_url(environment["REDIS_QUEUE_URL"], socket_timeout=1)
    lock = redis.Redis.from_url(environment["REDIS_LOCK_URL"], socket_timeout=1)
    with queue, lock:
        servers.part("queue").kill()
        with pytest.raises(redis.ConnectionError):
            queue.ping()
        assert lock.ping()
        servers.part("queue").start()
        assert queue.ping()


def test_a_paused_server_says_nothing_until_it_goes_on(servers, environment):
    with redis.Redis.from_url(
        environment["REDIS_LOCK_URL"], socket_timeout=0.3, retry=None
    ) as lock:
        lock.ping()
        servers.part("lock").pause()
        with pytest.raises(redis.TimeoutError):
            lock.ping()
        servers.part("lock").resume()
        assert wait_until(lock.ping, 5)


def test_another_process_uses_the_servers_that_run_already(servers, environment):
    code = (
        "import sys, json; from pathlib import Path; from stack.testing import TestServers;"
        "servers = TestServers(Path(sys.argv[1])); print(json.dumps(servers.up())); servers.down()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(servers.data_dir.root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert environment["DATABASE_URL"] in done.stdout
    assert _ask(environment["DATABASE_URL"], "SELECT 1") == [(1,)]


@pytest.mark.kafka
def test_kafka_starts_when_asked_and_makes_no_topic_by_itself(servers, environment):
    assert environment["KAFKA_BOOTSTRAP_SERVERS"] == ""
    admin = AdminClient({"bootstrap.servers": servers.start_kafka()})
    admin.create_topics([NewTopic("declared", 1)])["declared"].result(20)
    # The broker hears of a topic a moment after the controller has made it.
    assert wait_until(lambda: "declared" in admin.list_topics(timeout=20).topics, 20)
    assert admin.list_topics("undeclared", timeout=20).topics["undeclared"].error is not None
    assert "undeclared" not in admin.list_topics(timeout=20).topics


def test_a_server_that_cannot_start_ends_with_its_own_words(tmp_path):
    broken = TestServers(tmp_path / "broken")
    try:
        broken.up()
        broken.part("primary").stop()
        (broken.data_dir.home / "primary" / "PG_VERSION").write_text("9.4\n")
        with pytest.raises(StackError, match=r"(?s)primary: .*are incompatible"):
            broken.part("primary").start()
    finally:
        broken.down()
        remove_home(broken.data_dir.root)


def test_nothing_runs_after_down(tmp_path):
    servers = TestServers(tmp_path / "down", durable=True)
    servers.up()
    pids = [child.pid for child in servers.data_dir.registry.alive().values()]
    assert len(pids) == 6
    servers.down()
    assert not any(start_time(pid) for pid in pids)
    servers.erase()
    assert not servers.data_dir.root.exists()


def test_kept_servers_are_ended_from_another_process(tmp_path):
    kept = tmp_path / "kept"
    code = (
        "import sys; from pathlib import Path; from stack.testing import TestServers;"
        "servers = TestServers(Path(sys.argv[1]), keep=True); servers.up();"
        "lock = servers.part('lock'); lock.kill(); lock.start(); servers.down()"
    )
    subprocess.run([sys.executable, "-c", code, str(kept)], cwd=ROOT, check=True)
    servers = TestServers(kept)
    children = servers.data_dir.registry.alive()
    assert len(children) == 6
    # One that fell out of the record is known by its environment.
    recorded = read_json(servers.data_dir.registry.path)
    write_json(servers.data_dir.registry.path, {k: v for k, v in recorded.items() if k != "queue"})

    servers.down()

    assert [name for name, child in children.items() if child.alive()] == []
    servers.erase()
    assert not kept.exists()


def test_erasing_ends_what_runs_on_the_data(tmp_path):
    servers = TestServers(tmp_path / "erased", keep=True)
    servers.up()
    children = servers.data_dir.registry.alive()
    servers.down()
    assert all(child.alive() for child in children.values())

    servers.erase()

    assert [name for name, child in children.items() if child.alive()] == []


def _has(url: str, table: str) -> bool:
    return _ask(url, f"SELECT to_regclass('{table}') IS NOT NULL") == [(True,)]
