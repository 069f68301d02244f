"""Rooms with the same rules and numbers on one queue server, to compare what calls do to them."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from redis import Redis

from kernel import clock
from queueing import policy
from queueing.models import QueueConfig
from queueing.operations import Draw, Epoch, Reserved
from queueing.queue_server import FanCall, queue_server
from queueing.replies import Reply

EPOCH = 2  # so that tokens of an earlier one can be shown
FIRST_NUMBER = 1000  # numbers of the epoch before are lower
FIRST_DRAWN = 10**6
_FLOATS = frozenset({"credit", "pace", "exits"})  # written with six decimals


@dataclass
class TwinRoom:
    """A room without rows: what the server has of it is all there is."""

    performance_id: UUID
    now_ms: int

    @classmethod
    def begin(cls, *, now_ms: int, numbers: int, draws: int, **config) -> "TwinRoom":
        room = cls(uuid4(), now_ms)
        opens_at = clock.from_ms(now_ms) - timedelta(hours=1)
        rules = QueueConfig(performance_id=room.performance_id, queue_opens_at=opens_at, **config)
        queue_server.mirror_config(config=rules, now_ms=now_ms)
        gap_id = queue_server.tick(performance_id=room.performance_id, now_ms=now_ms).gap_id
        seed = "5eed" if draws else ""
        begun = queue_server.begin_epoch(
            performance_id=room.performance_id,
            gap_id=gap_id,
            epoch=Epoch(
                number=EPOCH,
                start=FIRST_NUMBER,
                ceiling=FIRST_NUMBER + numbers,
                serving=0,
                called=0,
                draw=Draw(seed, FIRST_DRAWN, 0),
            ),
            now_ms=now_ms,
        )
        assert begun == "BEGUN"
        if draws:  # as recovery does: those who come after the draw stand behind its numbers
            ceiling = FIRST_DRAWN + policy.DRAW_NUMBERS + numbers
            reserved = Reserved(ceiling, Draw(seed, FIRST_DRAWN, draws))
            queue_server.allow_numbers(
                performance_id=room.performance_id, epoch=EPOCH, reserved=reserved
            )
        return room

    def ahead_of(self, server: Redis, user_id: UUID) -> int | None:
        """Return how many wait in front of somebody, None of who doesn't wait."""
        rank: int | None = server.zrank(f"fr:q:{{{self.performance_id}}}:waiting", str(user_id))
        return rank

    def send(self, kind: str, fans: list[FanCall]) -> list[Reply]:
        call = queue_server.join_many if kind == "join" else queue_server.poll_many
        return call(performance_id=self.performance_id, fans=fans, now_ms=self.now_ms)

    def leave(self, user_id: UUID) -> None:
        queue_server.leave(performance_id=self.performance_id, user_id=user_id, now_ms=self.now_ms)

    def contents(self, server: Redis) -> dict:
        """Return all that the server has of the room."""
        tag = f"fr:q:{{{self.performance_id}}}:"
        found: dict = {}
        for key in server.scan_iter(f"{tag}*"):
            name = key.decode().removeprefix(tag)
            kind = server.type(key)
            if kind == b"hash":
                found[name] = _comparable(server.hgetall(key))
            elif kind == b"zset":
                found[name] = server.zrange(key, 0, -1, withscores=True)
            elif kind == b"set":
                found[name] = server.smembers(key)
        return found


def _comparable(fields: dict[bytes, bytes]) -> dict:
    texts = {name.decode(): value.decode() for name, value in fields.items()}
    return {
        name: round(float(value), 4) if name in _FLOATS else value for name, value in texts.items()
    }
