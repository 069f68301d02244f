"""The app's locks. Order of rows: config, progress, draw; never together with seats or money."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from kernel.db.advisory import lock_key
from kernel.db.dedicated import dedicated_connection
from kernel.db.transaction import require_transaction
from queueing.models import DrawCommitment, Invitation, QueueConfig, QueueProgress

_BEACONS = lock_key("queueing.beacons")


def lock_config(performance_id: UUID) -> QueueConfig | None:
    """Return the config row locked for a change, None where there is none."""
    require_transaction()
    return (
        QueueConfig.objects.select_for_update(of=("self",))
        .filter(performance_id=performance_id)
        .first()
    )


def lock_progress(performance_id: UUID) -> QueueProgress:
    """Return the progress row locked, made where there is none."""
    require_transaction()
    progress, _ = QueueProgress.objects.select_for_update().get_or_create(
        performance_id=performance_id
    )
    return progress


def lock_progress_rows(performance_ids: Sequence[UUID]) -> list[UUID]:
    """Lock those progress rows that nobody else has locked, in key order; return their keys."""
    require_transaction()
    rows = QueueProgress.objects.select_for_update(skip_locked=True)
    return list(
        rows.filter(pk__in=performance_ids).order_by("pk").values_list("performance_id", flat=True)
    )


def lock_draw(performance_id: UUID) -> DrawCommitment | None:
    """Return what a draw was committed to, locked; None where there is none."""
    require_transaction()
    return DrawCommitment.objects.select_for_update().filter(performance_id=performance_id).first()


def lock_invitation(invitation_id: UUID) -> Invitation | None:
    """Return the invitation's row locked for a use, None where there is none."""
    require_transaction()
    return Invitation.objects.select_for_update().filter(pk=invitation_id).first()


@contextmanager
def fetching_beacons() -> Iterator[bool]:
    """Yield whether nobody else fetches beacons, in no process, and keep it so to the end.

    For less than `kernel.db.dedicated.SILENT_SECONDS`. No transaction is open meanwhile.
    """
    with dedicated_connection(application="frontrow-beacons") as connection:
        mine = connection.execute("SELECT pg_try_advisory_lock(%s)", [_BEACONS]).fetchone()
        yield mine == (True,)
