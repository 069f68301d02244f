"""The schema that the last release's tests meet is made by this release's migrations."""

from urllib.parse import urlsplit

import psycopg
import pytest

from release import asking, compatibility
from release.compatibility import ROOT, identity
from stack.errors import StackError

PREFIX = "schema_"


@pytest.fixture
def servers(parts):
    """The session's servers; what was made there is dropped."""
    environment = parts.servers.environment()
    yield environment
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        for variable in ("DATABASE_URL", "IDEMPOTENCY_DATABASE_URL"):
            name = PREFIX + urlsplit(environment[variable]).path[1:]
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def test_it_has_every_migration_and_another_schema_is_seen(servers):
    made = compatibility.made_by(ROOT, servers, PREFIX)
    inherited = compatibility._inherited()
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings.test"}
    asked = asking.migrations_here({**inherited, **made, **settings})()
    assert asked == {alias: {"pending": [], "unknown": []} for alias in ("default", "idempotency")}
    before = identity(made)
    assert all(("reservations", "0006_extra_time") in names for _, names in before)
    # One that is there already is never taken for one that was made.
    with pytest.raises(StackError, match="already exists"):
        compatibility.made_by(ROOT, servers, PREFIX)
    with psycopg.connect(made["DATABASE_URL"]) as connection:
        connection.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('a', 'of_old', now())"
        )
    assert identity(made) != before


def test_migrations_that_fail_are_no_schema(servers, tmp_path):
    (tmp_path / "manage.py").write_text("raise SystemExit('no such table')")
    with pytest.raises(StackError, match="no such table"):
        compatibility.made_by(tmp_path, servers, PREFIX)


def test_migrations_that_wait_for_ever_are_no_schema(servers, tmp_path, monkeypatch):
    (tmp_path / "manage.py").write_text("import threading; threading.Event().wait()")
    monkeypatch.setattr(compatibility, "_MIGRATE_SECONDS", 0.5)
    with pytest.raises(StackError, match="took over"):
        compatibility.made_by(tmp_path, servers, PREFIX)
