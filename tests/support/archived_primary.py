"""A small primary whose log goes to a bucket, for tests of copies and restores."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from drills.bucket_double import bucket_double
from stack.backups import practising
from stack.backups.archive import archive_of
from stack.data_dir import DataDir
from stack.engine import Engine
from stack.policy import Policy
from stack.postgres.cluster import APPLICATION
from stack.postgres.primary import Primary
from stack.process import Tools, wait_until
from stack.process_registry import write_json
from stack.servers import DATABASES, host_of
from stack.service import HOST, free_ports
from stack.states import READY


class ArchivedPrimary:
    """The server, its archive, and statements on it; `up` comes first."""

    def __init__(self, folder: Path, bucket: dict[str, str]) -> None:
        self.bucket = bucket
        self.data_dir = DataDir(folder / "data").make()
        self.tools = Tools(self.data_dir.marker)
        archive = archive_of(self.data_dir, self.tools, bucket)
        assert archive is not None
        self.archive = archive
        self.host = host_of(self.data_dir, self.tools, archive)
        self.port = free_ports(1)[0]
        self.engine = Engine(
            self.data_dir.logs, Policy(marker=self.data_dir.marker), self.data_dir.registry
        )
        self.server = Primary(self.host, self.port, DATABASES)

    def up(self) -> None:
        self.engine.add([self.server])
        unit = self.engine.units["primary"]
        unit.start(time.monotonic())
        deadline = time.monotonic() + 60
        while unit.state not in READY:
            assert time.monotonic() < deadline, unit.log.read_text()
            time.sleep(0.02)
            self.engine.tick(time.monotonic())

    def down(self) -> None:
        for unit in self.engine.units.values():
            unit.kill(time.monotonic())
        self.tools.close()
        self.engine.close()
        self.data_dir.registry.clear(self.data_dir.marker)
        self.data_dir.erase(downloads=False)

    def url(self, database: str, port: int | None = None) -> str:
        login = f"{APPLICATION}:{self.host.passwords.application}"
        return f"postgresql://{login}@{HOST}:{port or self.port}/{database}"

    def do(self, statement: str, database: str = "frontrow", port: int | None = None) -> list:
        """Run a statement in a transaction of its own; return its rows."""
        with psycopg.connect(self.url(database, port), autocommit=True) as connection:
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def next_file(self) -> str:
        """Have the log's present file archived; return its name."""
        [[name]] = self.rows_of("SELECT pg_walfile_name(pg_current_wal_lsn())")
        self.server.sql(
            "SELECT pg_logical_emit_message(true, 'test', 'end'); SELECT pg_switch_wal()"
        )
        known = f"SELECT last_archived_wal >= '{name}' FROM pg_stat_archiver"
        assert wait_until(lambda: self.server.sql(known) == ["t"], 60), "the log is not archived"
        return name

    def rows_of(self, statement: str) -> list[list[str]]:
        return [line.split("|") for line in self.server.sql(statement)]

    @contextmanager
    def serving(self, folder: Path) -> Iterator[int]:
        """Run a restored folder; yield its port."""
        with practising.serving(self.host, folder) as server:
            yield server.port

    def command_line(self) -> dict[str, str]:
        """Return the environment in which `python -m stack backups` finds all this."""
        write_json(self.data_dir.run / "local.json", {})
        return {**os.environ, **self.bucket, "FRONTROW_DATA": str(self.data_dir.root)}


@contextmanager
def archived_primary() -> Iterator[ArchivedPrimary]:
    """Run a primary that archives to a bucket of its own."""
    with ExitStack() as stack:
        made = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="frt-archived-", ignore_cleanup_errors=True)
        )
        Path(made).chmod(0o755)  # root's servers run as another user
        primary = ArchivedPrimary(Path(made), stack.enter_context(bucket_double()))
        stack.callback(primary.down)
        primary.up()
        yield primary
