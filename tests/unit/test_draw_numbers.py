"""The numbers of a draw: uniform, and what docs/verify_draw.py computes."""

from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis.strategies import integers, none, sampled_from, text

from queueing import draw, policy
from tests.support.verifiers import verifier

JOINERS, CLASSES = 10_000, 64
# Passed by chance once in a thousand times: 63 degrees of freedom.
CHI_SQUARED = 103.4
SEEDS = [sha256(f"a fixed seed {n}".encode()).hexdigest()[:32] for n in range(8)]


def chi_squared(numbers: list[int]) -> float:
    """Return Pearson's statistic of how numbers lie in equal classes of the draw."""
    seen = Counter((number - 1) * CLASSES // policy.DRAW_NUMBERS for number in numbers)
    expected = len(numbers) / CLASSES
    return sum((seen[n] - expected) ** 2 / expected for n in range(CLASSES))


@pytest.mark.parametrize("key", [*SEEDS, draw.key_of(SEEDS[0], "a beacon's value")])
def test_ten_thousand_early_joiners_are_spread_evenly(key):
    numbers = [draw.number_of(nth, key=key, start=0) for nth in range(1, JOINERS + 1)]
    assert len(set(numbers)) == JOINERS
    assert chi_squared(numbers) < CHI_SQUARED


@pytest.mark.parametrize("key", SEEDS[:3])
def test_so_is_every_thousand_of_them(key):
    """Nobody does better by coming in the first minute, or in the last."""
    for begin in range(0, JOINERS, 1000):
        part = range(begin + 1, begin + 1001)
        assert chi_squared([draw.number_of(n, key=key, start=0) for n in part]) < CHI_SQUARED


@pytest.mark.control
def test_control_numbers_in_the_order_of_joining_are_not():
    assert chi_squared(list(range(1, JOINERS + 1))) > 100 * CHI_SQUARED


def document_of(seed: str, beacon: str | None, start: int) -> dict:
    return {
        "seed": seed,
        "commitment": draw.commitment_of(seed),
        "beacon": beacon and {"value": beacon, "mixed": True},
        "start": start,
        "entrants": policy.DRAW_NUMBERS,
    }


@given(
    nth=integers(1, policy.DRAW_NUMBERS),
    seed=text("0123456789abcdef", min_size=32, max_size=32),
    beacon=none() | text("0123456789abcdef", min_size=64, max_size=64),
    start=sampled_from([0, 10_000, 2**40]),
)
def test_the_verifier_of_the_documents_computes_the_same(nth, seed, beacon, start):
    key = draw.key_of(seed, beacon or "")
    found = verifier("draw").number_of(document_of(seed, beacon, start), nth)
    assert found == draw.number_of(nth, key=key, start=start)


@given(seed=text("0123456789abcdef", min_size=32, max_size=32), change=integers(0, 31))
def test_a_seed_that_was_changed_is_found(seed, change):
    document = document_of(seed, None, 0)
    other = "0" if seed[change] != "0" else "1"
    document["seed"] = seed[:change] + other + seed[change + 1 :]
    with pytest.raises(ValueError, match="not the seed"):
        verifier("draw").number_of(document, 1)


def test_who_knows_the_seed_cannot_tell_what_a_beacon_makes_of_it():
    """Among many seeds and many values no pair of draws begins alike."""
    firsts = {
        tuple(
            draw.number_of(n, key=draw.key_of(seed, f"{value:064x}"), start=0) for n in range(1, 4)
        )
        for seed in SEEDS
        for value in range(50)
    }
    assert len(firsts) == len(SEEDS) * 50
