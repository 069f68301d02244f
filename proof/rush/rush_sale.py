"""What all fans of one client know together: the sale, what is left of it, and what is wrong."""

import time
from collections import Counter
from collections.abc import Iterable

from proof.rush.choosing import SeatWishes
from proof.rush.profiles import RushProfile

_MOST_FINDINGS = 50


class RushSale:
    """One sale as its fans see it; `findings` are responses that break a promise by themselves."""

    def __init__(
        self, performance_id: str, wishes: SeatWishes, profile: RushProfile, statuses: bytes
    ) -> None:
        self.performance_id = performance_id
        self.path = f"/api/v1/performances/{performance_id}/"
        self.wishes = wishes
        self.profile = profile
        self.counts: Counter[str] = Counter()
        self.findings: list[str] = []
        self.samples: list[dict[str, object]] = []  # of the waiting room's public status
        self.has_queue = True
        self.sold_out_at = 0.0
        self.is_over = False  # nothing is left to buy, or time is up
        self.expected_until = 0.0  # it goes on until then at the least
        by_index = wishes.ids
        self._wanted = {by_index[i] for i, letter in enumerate(statuses) if letter == ord("A")}
        self._owners: dict[str, str] = {}

    @property
    def for_sale(self) -> int:
        """How many seats of this sale nobody has kept yet."""
        return len(self._wanted)

    def sold(self, seat_ids: Iterable[str], reservation_id: str) -> None:
        """Note seats that were paid for; two owners of one are a finding."""
        for seat in seat_ids:
            owner = self._owners.setdefault(seat, reservation_id)
            if owner != reservation_id:
                self.found(f"seat {seat} was sold to {owner} and to {reservation_id}")
        self.counts["sold"] = len(self._owners)
        self.kept(seat_ids)

    def kept(self, seat_ids: Iterable[str]) -> None:
        """Note seats that nobody else can buy: paid for, or held by who walked away."""
        self._wanted.difference_update(seat_ids)
        if not self._wanted and not self.is_over:
            self.sold_out_at = time.monotonic()
            self.is_over = True

    def found(self, sentence: str) -> None:
        """Note a response that breaks a promise."""
        if len(self.findings) < _MOST_FINDINGS and sentence not in self.findings:
            self.findings.append(sentence)
