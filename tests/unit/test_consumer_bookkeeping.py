"""Offsets never pass a message that is under way; parked keys keep their order and their pauses."""

from hypothesis import given
from hypothesis import strategies as st

from events.offsets import OffsetTracker
from events.parking import LONGEST_PAUSE_SECONDS, ParkedKeys, key_of
from events.replay_progress import _Settled
from tests.support.messages import FakeMessage

PLACE = ("topic", 0)


@given(st.data())
def test_what_is_committed_lies_before_every_message_under_way(data):
    tracker, under_way, committed, begun = OffsetTracker(), set(), -1, 0
    for _ in range(data.draw(st.integers(1, 40))):
        if under_way and data.draw(st.booleans()):
            offset = data.draw(st.sampled_from(sorted(under_way)))
            tracker.finish(FakeMessage(offset))
            under_way.discard(offset)
        else:
            begun += data.draw(st.integers(1, 3))  # a compacted or aborted one leaves a hole
            tracker.begin(FakeMessage(begun))
            under_way.add(begun)
        for place, offset in tracker.committable().items():
            assert place == PLACE
            assert offset > committed
            assert all(one >= offset for one in under_way)
            committed = offset
            tracker.committed({place: offset})
        assert not under_way or committed <= min(under_way)
        assert under_way or committed == begun + 1


def test_a_partition_that_is_gone_is_committed_no_more():
    tracker = OffsetTracker()
    tracker.begin(FakeMessage(1))
    tracker.finish(FakeMessage(1))
    tracker.drop([PLACE])
    assert tracker.committable() == {}
    assert tracker.committable([PLACE]) == {}


def test_messages_behind_a_parked_one_wait_in_order_with_growing_pauses():
    parked = ParkedKeys()
    first, second = FakeMessage(1), FakeMessage(2)
    parked.park(first, attempts=1, now=0.0)
    parked.append(second)
    assert len(parked) == 2
    pauses, now = [], parked.next_due()
    for attempts in range(2, 12):
        [(key, _)] = list(parked.due(now))
        assert list(parked.due(now - 0.01)) == []
        parked.postpone(key, attempts=attempts, now=now)
        pauses.append(round(parked.next_due() - now, 6))
        now = parked.next_due()
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[1]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    [(key, one)] = list(parked.due(now))
    assert list(one.messages) == [first, second]
    parked.advance(key)
    assert (list(one.messages), one.attempts) == ([second], 0)
    parked.advance(key)
    assert key not in parked
    assert parked.next_due() is None


def test_keys_of_other_partitions_stay_parked():
    parked = ParkedKeys()
    ours, theirs = FakeMessage(1, of=0), FakeMessage(1, of=1)
    parked.park(ours, attempts=1, now=0.0)
    parked.park(theirs, attempts=1, now=0.0)
    parked.drop([("topic", 1)])
    assert key_of(ours) in parked
    assert key_of(theirs) not in parked


@given(
    st.lists(st.sampled_from(["ours", "theirs"]), min_size=1, max_size=25),
    st.lists(st.sets(st.integers(0, 24)), min_size=1, max_size=5),
)
def test_what_was_settled_stays_settled_and_nothing_else(owners, runs):
    """Each run walks through a group's letters and settles some, as replays with filters do."""
    ours = [offset for offset, owner in enumerate(owners) if owner == "ours"]
    kept, metadata, settled = -1001, "", set()
    for chosen in runs:
        walk = _Settled(kept, metadata)
        for offset in ours:
            assert walk.includes(offset) == (offset in settled)
            if walk.includes(offset):
                walk.settle(offset)
            elif offset in chosen:
                walk.settle(offset)
                settled.add(offset)
                kept, metadata = walk.before, walk.metadata()
            else:
                walk.leave()
    final = _Settled(kept, metadata)
    assert {offset for offset in ours if final.includes(offset)} == settled
