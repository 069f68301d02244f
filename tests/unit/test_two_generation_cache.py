"""A cache that is bounded and keeps what is used."""

from kernel.caching.two_generation import TwoGenerationCache


def test_what_is_known_is_bounded_and_what_is_used_stays():
    known = TwoGenerationCache(4)
    for number in range(100):
        known.put(number, {"n": number})
        assert known.get(0) == {"n": 0}
        assert len(known) <= 8
    assert known.get(50) is None
