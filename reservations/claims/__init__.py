"""The claims on seats in the lock Redis: a gate in front of the seat rows.

Note [Seat claims]
A claim only keeps losers away from PostgreSQL; it never decides. A fan who meets a live claim is
refused at once, without SQL. Before the transaction a claim lasts for `policy.CLAIM_MS`; after the
commit it lasts until the hold's deadline, so a killed client blocks nobody for longer. A claim may
be wrong (its release was lost, the server failed over). So a claim that PostgreSQL last confirmed
`policy.CLAIM_STALE_MS` ago is stale: it still refuses, but it sends one caller a second on to
PostgreSQL, which decides. What PostgreSQL says of the seat corrects the claim, even if that caller
may not hold the seat for another reason. If PostgreSQL gives no answer, the claim stands until the
next second's caller asks. While the server is down the gate is open and PostgreSQL decides alone.

Every path that holds, frees, sells or blocks seats writes its claims after its commit, in one call,
through `reservations.seat_changes`.

Note [Lost writes]
A write that failed is counted, and its seats are remembered in the cache Redis. By the rules above
a claim that is wrong for this reason keeps nobody from a seat for more than a second; but who looks
for a free seat doesn't see it, and the audit can't tell it from a defect. So the next tick reads
the claims of these seats, then what PostgreSQL says of them, and writes what differs. The claims
are read first, and a claim is replaced only while it is still its owner's: what somebody wrote
meanwhile stays. Where there was none, the seat may be given up between the read and the write: what
differed is compared once more.

A process that is killed between its commit and its write remembers nothing, and one that is frozen
there claims again what was given up meanwhile. The minute's audit finds such a claim, and has the
tick compare its seat.

Note [Back-off]
A hold that takes over lapsed seats, and the sweep that expires them, count the lapse against the
fan who let it happen, in the same write. From `SalePolicy.lapses_before_backoff` lapses within the
window on, that fan's next attempts are refused for a while, twice as long each time. Best effort: a
server that loses its data forgives.

Note [Cold gate]
A server that lost its data, or a new one in its place, knows no claims: it refuses nobody wrongly,
but every loser reaches PostgreSQL until the claims are written again. A mark per performance holds
the run id of the server that knows its claims; the tick finds it missing and writes the claims from
PostgreSQL (`recovery.rebuild`). Such a claim is as old as the read it comes from, so the rule for
stale claims covers what changed meanwhile.
"""

from reservations.claims.store import SeatClaims, gate_skipped, seat_claims
from reservations.claims.values import (
    BLOCKED,
    NO_LAPSES,
    NO_LIMITS,
    Claim,
    ClaimRequest,
    ClaimResult,
    HoldLimits,
    Lapses,
    SeatChange,
    StoredClaim,
    Verdict,
)

__all__ = [
    "BLOCKED",
    "NO_LAPSES",
    "NO_LIMITS",
    "Claim",
    "ClaimRequest",
    "ClaimResult",
    "HoldLimits",
    "Lapses",
    "SeatChange",
    "SeatClaims",
    "StoredClaim",
    "Verdict",
    "gate_skipped",
    "seat_claims",
]
