"""Copies and the log in a bucket, and servers made of them: real servers, moto as the bucket."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drills.bucket_double import remove_log_file
from stack.backups import practising, restoring, taking
from stack.backups.archive import ArchiveRefused
from stack.backups.restoring import RestoreOrder, restore
from stack.servers import DATABASES
from tests.support.archived_primary import ArchivedPrimary, archived_primary

ROOT = Path(__file__).parents[2]
PRICES = "SELECT id, price FROM prices ORDER BY id"


@pytest.fixture(scope="module")
def primary():
    with archived_primary() as made:
        yield made


class Mistake:
    """What a sale's staff did, and when."""

    before: datetime
    rows: list
    keys: list
    files: list[str]


@pytest.fixture(scope="module")
def mistake(primary) -> Mistake:
    """A table before and after a mistake, with a copy taken before both."""
    made = Mistake()
    primary.do("CREATE TABLE prices (id int PRIMARY KEY, price int)")
    primary.do("CREATE TABLE keys (id int PRIMARY KEY)", "idempotency")
    primary.do("INSERT INTO prices SELECT n, n * 1000 FROM generate_series(1, 500) n")
    taking.take(primary.archive, primary.host)
    first = primary.next_file()
    primary.do("UPDATE prices SET price = price + 1 WHERE id <= 100")
    primary.do("INSERT INTO keys SELECT generate_series(1, 50)", "idempotency")
    second = primary.next_file()
    primary.do("INSERT INTO prices VALUES (501, 7)")
    made.rows, made.keys = primary.do(PRICES), primary.do("SELECT * FROM keys", "idempotency")
    [[made.before]] = primary.do("SELECT clock_timestamp()")
    primary.do("UPDATE prices SET price = 0")
    primary.do("DELETE FROM prices WHERE id % 2 = 0")
    primary.do("DELETE FROM keys", "idempotency")
    third = primary.next_file()
    made.files = [first, second, third]
    return made


def order(primary: ArchivedPrimary, moment: datetime | None, name: str) -> RestoreOrder:
    return RestoreOrder(primary.server.system_identifier(), moment, primary.host.home / name)


def restored(primary: ArchivedPrimary, wanted: RestoreOrder):
    return restore(primary.archive, primary.host, DATABASES, wanted, lambda line: None)


def test_a_server_is_made_row_by_row_as_it_was_at_a_moment(primary, mistake):
    done = restored(primary, order(primary, mistake.before, "to-a-moment"))
    with primary.serving(done.folder) as port:
        assert primary.do(PRICES, port=port) == mistake.rows
        assert primary.do("SELECT * FROM keys", "idempotency", port=port) == mistake.keys
        # It takes writes, and archives nothing: it must not add to the log of the running one.
        primary.do("INSERT INTO prices VALUES (9999, 1)", port=port)
        assert primary.do("SHOW archive_mode", port=port) == [("off",)]
    # The running server goes on as it was.
    assert primary.do("SELECT count(*) FROM prices WHERE price > 0") == [(0,)]


def test_without_a_moment_all_that_was_archived_is_there(primary, mistake):
    done = restored(primary, order(primary, None, "to-the-end"))
    with primary.serving(done.folder) as port:
        assert primary.do(PRICES, port=port) == primary.do(PRICES)


def test_a_practised_restore_looks_at_every_page_and_leaves_nothing(primary, mistake):
    before = set(primary.host.home.iterdir())
    cluster = primary.server.system_identifier()
    report = practising.verify(primary.archive, primary.host, DATABASES, cluster, print)
    assert report["size_bytes"] > 1024 * 1024
    assert set(primary.host.home.iterdir()) == before


def test_a_moment_that_just_passed_is_brought_to_the_archive_first(primary, mistake):
    primary.do("INSERT INTO prices VALUES (777, 777)")
    [[moment]] = primary.do("SELECT clock_timestamp()")
    done = restored(primary, order(primary, moment, "just-now"))
    with primary.serving(done.folder) as port:
        assert primary.do("SELECT price FROM prices WHERE id = 777", port=port) == [(777,)]


def test_moments_that_the_archive_has_not_are_refused(primary, mistake):
    for moment, reason in (
        (datetime.now(UTC) - timedelta(days=1), "oldest copy ended at"),
        (datetime.now(UTC) + timedelta(days=1), "the archive ends before that moment: its last"),
    ):
        wanted = order(primary, moment, "never")
        with pytest.raises(ArchiveRefused, match=reason):
            restored(primary, wanted)
        assert not wanted.into.exists()
        assert not wanted.into.with_name("never.new").exists()


def test_the_command_says_what_there_is_and_refuses_with_a_code_of_its_own(primary, mistake):
    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "stack", "backups", *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=primary.command_line(),
        )

    def newest() -> float:
        """What the alarm for old backups reads."""
        lines = (primary.data_dir.figures / "backups.prom").read_text().splitlines()
        return float(lines[-1].removeprefix("frontrow_backup_last_timestamp_seconds "))

    listed = run("list", "--json")
    assert listed.returncode == 0, listed.stderr
    held = json.loads(listed.stdout)
    assert held["missing"] is None
    assert len(held["backups"]) == 1
    assert held["restorable_from"] < held["restorable_until"]
    refused = run("restore", "--to", "2020-01-01T00:00:00Z")
    assert refused.returncode == 4
    assert "refused: the oldest copy ended at" in refused.stderr
    naive = run("restore", "--to", "2020-01-01T00:00:00")
    assert naive.returncode == 2
    assert "needs its offset" in naive.stderr
    assert newest() == datetime.fromisoformat(held["backups"][0]["ended"]).timestamp() // 1
    made = json.loads(run("now", "--json").stdout)
    assert newest() == datetime.fromisoformat(made["ended"]).timestamp() // 1
    assert len(json.loads(run("list", "--json").stdout)["backups"]) == 2


def test_no_file_of_the_log_is_written_over(primary, mistake, tmp_path):
    """The same name with another content is an error; the same content again is none."""
    folder = primary.server.folder / "pg_wal"
    name = mistake.files[-1]
    archived = primary.archive
    words = (*archived.program.argv(str(archived.script), "archive", archived.url),)
    environment = archived.program.environment(archived.home) | archived.environment()

    def send(path):
        done = subprocess.run(
            [*words, str(path)],
            env=environment,
            cwd=primary.server.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    other = tmp_path / name
    other.write_bytes(b"x" * 16)
    assert send(folder / name) == (0, "")
    code, said = send(other)
    assert code == 1
    assert "is there already with another content" in said


@pytest.mark.control
def test_a_missing_file_of_the_log_makes_a_restore_refuse(primary, mistake):
    """The last test here: the archive has gaps from now on."""
    newest = primary.next_file()
    primary.next_file()
    for name, moment in ((mistake.files[1], mistake.before), (newest, None)):
        remove_log_file(primary.bucket, name)
        wanted = order(primary, moment, "gap")
        with pytest.raises(ArchiveRefused, match=f"lacks {name} of the log"):
            restored(primary, wanted)
        assert not wanted.into.exists()


@pytest.mark.control
def test_control_without_the_look_at_the_names_a_gap_opens_early(primary, mistake, monkeypatch):
    """PostgreSQL takes the file that isn't there for the end of the log."""
    monkeypatch.setattr(restoring, "_refuse_gap", lambda log, moment: None)
    with pytest.raises(ArchiveRefused, match="could be read up to"):
        restored(primary, order(primary, None, "early"))
    monkeypatch.setattr(restoring, "_refuse_early_end", lambda server, log, moment: None)
    done = restored(primary, order(primary, None, "early"))
    with primary.serving(done.folder) as port:
        assert primary.do(PRICES, port=port) != []
