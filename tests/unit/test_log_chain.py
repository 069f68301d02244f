"""Which files of PostgreSQL's log a restore needs, and gaps among them."""

import pytest

from stack.backups.archive import LogFile, check_url
from stack.backups.log_chain import LogSegment, chain, forks_of, newest_timeline
from stack.errors import StackError


def files(*names: str, first: float = 100.0) -> list[LogFile]:
    return [LogFile(name, 1, first + place * 60) for place, name in enumerate(names)]


def name(place: int, timeline: int = 1) -> str:
    return LogSegment(place, timeline).name


def test_names_are_places():
    assert name(0x1FF) == "0000000100000001000000FF"
    for place in (0, 1, 255, 256, 70_000):
        assert LogSegment.read(name(place, 3)) == LogSegment(place, 3)
    assert LogSegment.read("00000002.history") is None
    assert LogSegment.read(name(4) + ".partial") is None
    assert LogSegment.read(name(4) + ".00000028.backup") is None


def test_a_log_across_a_group_has_no_gap():
    found = chain(name(254), files(*(name(place) for place in range(254, 259))))
    assert found.missing is None
    assert found.last == LogSegment(258, 1)
    assert found.ends_at == 100.0 + 4 * 60


def test_what_lies_before_the_copy_does_not_count():
    assert chain(name(10), files(name(3), name(10), name(11))).missing is None


@pytest.mark.parametrize(
    ("moment", "refused"),
    [(150.0, False), (161.0, True), (225.0, True), (None, True)],
)
def test_a_gap_counts_for_what_lies_behind_it(moment, refused):
    """Files 5, 6 and 8 were there at 100, 160 and 220; 7 never was."""
    found = chain(name(5), files(name(5), name(6), name(8)))
    assert found.missing == LogSegment(7, 1)
    assert bool(found.gap_before(moment)) is refused


def test_a_copy_whose_own_log_is_missing_is_a_gap():
    found = chain(name(5), files(name(3), name(4)))
    assert found.missing == LogSegment(5, 1)
    assert found.gap_before(None) == LogSegment(5, 1)


def test_the_log_goes_on_on_the_next_timeline_where_it_forked():
    history = "1\t0/70000D8\tno recovery target specified\n"
    assert forks_of(history) == [(1, 7)]
    there = files(name(5), name(6), name(7), name(7, 2), name(8, 2), "00000002.history")
    assert newest_timeline(there) == 2
    found = chain(name(5), there, timeline=2, history=history)
    assert [one.timeline for one in found.segments] == [1, 1, 2, 2]
    assert found.missing is None
    without = [one for one in there if one.name != name(7, 2)]
    assert chain(name(5), without, timeline=2, history=history).missing == LogSegment(7, 2)


def test_only_a_bucket_is_a_place_for_copies():
    assert check_url("s3://bucket/site/a/") == "s3://bucket/site/a"
    for url in (
        "bucket",
        "file:///x",
        "s3://",
        "s3://b/x?y=1",
        "s3://b/a b",
        "https://b/x",
        "s3://B!/",
    ):
        with pytest.raises(StackError, match="is not of the form"):
            check_url(url)
