"""Read one uploaded layout file and import or check it (Note [Large layout files])."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from concerts import policy
from concerts.layout import files
from concerts.layout.form import Progress
from concerts.layout.rules import warnings_of
from concerts.models import LayoutUpload
from concerts.usecases import layouts, uploads
from concerts.usecases.uploads import TakenUpload
from kernel.db.dedicated import dedicated_connection
from kernel.errors import Busy, DomainError

Moment = Callable[[], datetime]
# By a connection of its own: the import's transaction would show nothing until its end.
_SHOW = """
    UPDATE concerts_layoutupload SET stage = %s, done = %s, total = %s, lease_until = %s
     WHERE id = %s AND fence = %s AND state = 'RUNNING'
"""


class LeaseLost(Exception):
    """Another worker has taken the file; what this one was about to write is rolled back."""


def read_next(moment: Moment) -> bool:
    """Read the next file that waits; return whether there was one. `moment` tells the time.

    What fails without a reason of the file's (the database gone, a lock not had) leaves it to the
    next run.
    """
    taken = uploads.take(now=moment())
    if taken is None:
        uploads.delete_old_results(now=moment())
        return False
    with _shown(taken, moment) as progress:
        state, report, file = _work(taken, progress, moment())
    uploads.finish(taken=taken, state=state, report=report, file=file, now=moment())
    return True


def _work(
    taken: TakenUpload, progress: Progress, now: datetime
) -> tuple[LayoutUpload.State, dict[str, Any], str]:
    """Return what becomes of a file: its state, the report, and the name of what is kept of it."""
    layout, problems = files.read(name=taken.name, content=taken.content, progress=progress)
    if layout is None or problems:
        return (
            LayoutUpload.State.REFUSED,
            {"problems": [asdict(problem) for problem in problems]},
            "",
        )
    warnings = [asdict(warning) for warning in warnings_of(layout)]
    file = ""
    try:
        if taken.is_import:
            change, file = layouts.import_file(
                layouts.LayoutFile(taken.name, taken.content, taken.received_at),
                performance_id=taken.performance_id,
                layout=layout,
                actor_id=taken.actor_id,
                reason=taken.reason,
                now=now,
                progress=progress,
            )
        else:
            change = layouts.preview(performance_id=taken.performance_id, layout=layout)
    except Busy:
        raise
    except DomainError as refusal:
        return LayoutUpload.State.REFUSED, {"code": refusal.code}, ""
    return LayoutUpload.State.DONE, {"difference": asdict(change), "warnings": warnings}, file


@contextmanager
def _shown(taken: TakenUpload, moment: Moment) -> Iterator[Progress]:
    lease = int(policy.UPLOAD_LEASE.total_seconds())  # a step may take as long, and no longer
    with dedicated_connection(application="frontrow-uploads", silent_seconds=lease) as connection:

        def progress(stage: str, done: int, total: int) -> None:
            until = moment() + policy.UPLOAD_LEASE
            values = [stage, done, total, until, taken.id, taken.fence]
            if connection.execute(_SHOW, values).rowcount == 0:
                raise LeaseLost

        yield progress
