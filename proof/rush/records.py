"""What the client records of a response.

Besides the operations of Note [Recorded histories] (`proof/history/recorded.py`) an on-sale has
`status` (of the waiting room), `map`, `availability`, `list` (of concerts), `balance`, `page` (the
gateway's), `abandon` and `forge`. `invoked` is when a request was due, by the clock of
`time.monotonic`.
"""

from proof.history.recorded import FAIL, OK, UNKNOWN

LOST_STATUS = 0  # of an operation without a response
# A POST that was cut off on its way gets 503 (docs/decisions/0029), so it may have had its effect.
_NOT_KNOWN = {"000", "500", "502", "503", "504"}


def outcome_of(status: str) -> str:
    """Return what a response's status says of what became of the operation; 303 leads back."""
    if status[0] in "23":
        return OK
    return UNKNOWN if status in _NOT_KNOWN else FAIL
