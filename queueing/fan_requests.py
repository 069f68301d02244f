"""What a fan asks of a waiting room, in plain values."""

from typing import NamedTuple
from uuid import UUID

from kernel.rate_limiting.headers import RateLimitStatus
from queueing.tokens import Proof


class Applicant(NamedTuple):
    """What somebody brings to a join beside the login: where from, and what was shown."""

    client_ip: str = ""
    is_staff: bool = False
    invitation_code: str | None = None
    challenge_response: str | None = None


NOBODY_SPECIAL = Applicant()


class JoinRequest(NamedTuple):
    """A fan's join. `token` proves a place that was lost; `limit_status` hears of the limit."""

    user_id: UUID
    token: str | None = None
    applicant: Applicant = NOBODY_SPECIAL
    limit_status: RateLimitStatus | None = None


class PollRequest(NamedTuple):
    """A fan's poll; `token` is the join token or the pass, `proof` what it says, once verified."""

    user_id: UUID
    token: str | None
    proof: Proof | None = None
