"""Markers in the cache server: when the things that documents depend on last changed.

Note [Markers]
A name's marker is "<history> <WAL position> <change>". The position is the primary's after the last
write, and within one history it only grows, so that a rebuild knows what a replica must have
replayed. After a restore or a promotion another history has begun: a position of the earlier one
means nothing there and is replaced, by the next write or the next rebuild, whichever comes first.
(Of two timelines of one cluster the later counts: a write of the earlier one that arrives late is
of a primary that has been given up.) `change` is new with every write, so an entry built under a
marker is never current again once anything has been written, whatever the positions say.
"""

from collections.abc import Sequence
from typing import cast

from redis import Redis

from kernel.db.replica import NOWHERE, WalPosition
from kernel.ids import uuid7
from kernel.redis.clients import guarded

MARKER_SECONDS = 2 * 24 * 3600  # longer than any entry lives

# Positions below 2^53 (9 PB of WAL) are exact as Lua numbers.
_WRITE = """
local function parts(marker)
  local system, timeline, position = string.match(marker or '', '^(%d+)%.(%d+) (%d+) ')
  return system, tonumber(timeline), tonumber(position)
end
local system, timeline, position = parts(ARGV[1] .. ' ' .. ARGV[2] .. ' ')
for _, key in ipairs(KEYS) do
  local their_system, their_timeline, known = parts(redis.call('GET', key))
  local same = their_system == system and their_timeline == timeline
  local history, at = ARGV[1], position
  if same then
    at = math.max(known, position)
  elseif their_system == system and their_timeline > timeline then
    history, at = their_system .. '.' .. their_timeline, known
  end
  if ARGV[5] == '0' or not same then
    local marker = string.format('%s %.0f %s', history, at, ARGV[3])
    redis.call('SET', key, marker, 'EX', ARGV[4])
  end
end
"""


def key_of(name: str) -> str:
    """Return the cache server's key of a name's marker."""
    return f"fr:c:marker:{name}"


def parse(marker: str) -> WalPosition:
    """Return what a replica must have replayed; `NOWHERE` of what no release of ours wrote."""
    try:
        history, position, _change = marker.split(" ")
        return WalPosition(history, int(position))
    except ValueError:
        return NOWHERE


def texts(values: Sequence[bytes | None]) -> tuple[str, ...]:
    """Return markers as the server's replies say; empty where there is none."""
    return tuple(value.decode() if value is not None else "" for value in values)


def read(names: Sequence[str]) -> tuple[str, ...]:
    """Return the markers of `names` as they are; raises `DependencyUnavailable`."""
    return texts(values([key_of(name) for name in names]))


def values(keys: Sequence[str]) -> list[bytes | None]:
    """Return the values of any keys of the cache server in one call.

    Raises `DependencyUnavailable`.
    """
    # The roles' clients don't decode, so what the stubs call str can't come.
    return guarded("cache", lambda server: cast("list[bytes | None]", server.mget(keys)))


def write(names: Sequence[str], at: WalPosition) -> None:
    """Mark `names` as changed by a write that `at` covers; raises `DependencyUnavailable`."""
    guarded("cache", lambda server: _write(server, names, at, keep_same=False))


def fill(names: Sequence[str], at: WalPosition) -> None:
    """Mark those of `names` that have no marker of the history of `at`; else as `write`."""
    guarded("cache", lambda server: _write(server, names, at, keep_same=True))


def _write(server: Redis, names: Sequence[str], at: WalPosition, *, keep_same: bool) -> None:
    keys = [key_of(name) for name in names]
    change = uuid7().hex
    server.eval(
        _WRITE, len(keys), *keys, at.history, at.position, change, MARKER_SECONDS, int(keep_same)
    )
