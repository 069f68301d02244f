"""What the public may know of a draw, as a document that the site signs."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kernel import clock
from kernel.signing.jws import signature_over
from queueing import draw, policy


@dataclass(frozen=True, slots=True)
class Beacon:
    """A public random value that is mixed in: announced before it exists, entered before the draw.

    `mixed` says whether the draw has it; None before the draw begins.
    """

    source: str
    round: str
    published_at: datetime
    value: str
    mixed: bool | None

    def as_json(self) -> dict[str, Any]:
        """Return what the API shows of it."""
        return {
            "source": self.source,
            "round": self.round,
            "published_at": clock.as_text(self.published_at),
            "value": self.value or None,
            "mixed": self.mixed,
        }


@dataclass(frozen=True, slots=True)
class DrawFacts:
    """One draw as everybody may see it; `seed` is empty until one of the drawn has been admitted.

    Numbers `start` + 1 .. `start` + DRAW_NUMBERS are drawn; `entrants` turns were taken by the last
    tick. Seed and commitment are empty before a tick has seen the room. `losses` says how often the
    queue server was begun again: each may have skipped the rest of a block of turns.
    """

    performance_id: UUID
    commitment: str
    committed_at: datetime | None
    beacon: Beacon | None
    start: int
    entrants: int
    losses: int
    seed: str
    roster_sha256: str

    def as_json(self) -> dict[str, Any]:
        """Return the document of the contract.

        `jws` is a compact JWS by the current key of the use `proof` over the same without it.
        """
        shown = {
            "performance_id": str(self.performance_id),
            "commitment": self.commitment or None,
            "committed_at": self.committed_at and clock.as_text(self.committed_at),
            "beacon": self.beacon and self.beacon.as_json(),
            "algorithm": draw.ALGORITHM,
            "start": self.start,
            "numbers": policy.DRAW_NUMBERS,
            "entrants": self.entrants,
            "losses": self.losses,
            "seed": self.seed or None,
            "roster_sha256": self.roster_sha256 or None,
        }
        return shown | {"jws": signature_over(json.dumps(shown).encode(), use="proof")}

    @property
    def key(self) -> str:
        """What keys the draw, as far as the public can know: by seed and beacon."""
        mixed = self.beacon.value if self.beacon and self.beacon.mixed else ""
        return draw.key_of(self.seed, mixed)
