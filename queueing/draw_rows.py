"""Writes of commitments, beacons and rosters of draws; they require an open transaction."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from kernel.db.transaction import require_transaction
from queueing import draw, locking
from queueing.draw_models import new_seed
from queueing.models import DrawCommitment, DrawRoster, QueueProgress


def commit(*, performance_ids: Sequence[UUID], now: datetime) -> None:
    """Choose the seeds of draws that have none, so that their commitments are public from now on.

    A draw that a release before this one has begun keeps its seed.
    """
    require_transaction()
    begun = QueueProgress.objects.filter(pk__in=performance_ids).exclude(draw_seed="")
    seeds = dict(begun.values_list("pk", "draw_seed"))
    DrawCommitment.objects.bulk_create(
        [_commitment(key, seeds.get(key) or new_seed(), now) for key in performance_ids],
        ignore_conflicts=True,
    )


def key_to_draw_by(performance_id: UUID, *, now: datetime) -> str:
    """Return what keys a draw that begins now; from here on its beacon is what it is."""
    require_transaction()
    found = locking.lock_draw(performance_id)
    if found is None:
        found = _commitment(performance_id, new_seed(), now)
        found.save(force_insert=True)
    return found.key


def announce_beacon(
    commitment: DrawCommitment, *, source: str, round_: str, published_at: datetime
) -> None:
    """Announce the beacon whose value will be mixed in."""
    require_transaction()
    commitment.beacon_source, commitment.beacon_round = source, round_
    commitment.beacon_published_at = published_at
    commitment.save(update_fields=["beacon_source", "beacon_round", "beacon_published_at"])


def enter_beacon(commitment: DrawCommitment, *, value: str, now: datetime) -> None:
    """Write down the value of the beacon that was announced."""
    require_transaction()
    commitment.beacon_value, commitment.beacon_entered_at = value, now
    commitment.save(update_fields=["beacon_value", "beacon_entered_at"])


def publish_roster(*, performance_id: UUID, lines: Sequence[bytes], now: datetime) -> None:
    """Write down who was drawn; the first roster stays."""
    require_transaction()
    whole = b"".join(lines)
    DrawRoster.objects.bulk_create(
        [
            DrawRoster(
                performance_id=performance_id,
                lines=whole,
                lines_sha256=sha256(whole).hexdigest(),
                made_at=now,
            )
        ],
        ignore_conflicts=True,
    )


def _commitment(performance_id: UUID, seed: str, now: datetime) -> DrawCommitment:
    return DrawCommitment(
        performance_id=performance_id,
        draw_seed=seed,
        commitment=draw.commitment_of(seed),
        committed_at=now,
    )
