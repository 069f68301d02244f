"""What claims and ends of leases share: the lease, the stored response, how long a batch waits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from idempotency import policy

# Set for the statement that has it, in which it is the first thing to be done.
WAITS_LITTLE = f", set_config('lock_timeout', '{policy.BATCH_WAIT_MS}', true)"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to execute, until `policy.LEASE` has passed.

    `fence` grows with each holder of the key's lease. `resumed`: an earlier execution may have
    taken effect, so look `request_key` or `resource_id` up before doing anything.
    """

    request_key: str
    resource_id: UUID
    fence: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response to replay: its status, its rendered body and the headers that matter."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
