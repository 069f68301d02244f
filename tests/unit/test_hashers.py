"""Few password hashes are computed at a time, however many people log in."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

from accounts import hashers

THREADS = 8


@pytest.fixture
def together(monkeypatch):
    """Return the most hashes that were computed at a time when all threads want one at once."""
    computing = most = 0
    lock, begin = threading.Lock(), threading.Barrier(THREADS)
    crowded, patience = threading.Event(), 0.05

    def compute(self, *_: str) -> str:
        nonlocal computing, most
        with lock:
            computing += 1
            most = max(most, computing)
            if computing == THREADS:
                crowded.set()
        crowded.wait(patience)  # let those in who may come in
        with lock:
            computing -= 1
        return "done"

    monkeypatch.setattr(Argon2PasswordHasher, "encode", compute)
    monkeypatch.setattr(Argon2PasswordHasher, "verify", compute)

    def run(work, seconds: float = 0.05) -> int:
        nonlocal patience
        patience = seconds

        def one(number: int) -> str:
            begin.wait(10)
            return work(hashers.Argon2())

        with ThreadPoolExecutor(THREADS) as pool:
            assert set(pool.map(one, range(THREADS))) == {"done"}
        return most

    return run


WAYS = pytest.mark.parametrize(
    "work",
    [lambda hasher: hasher.encode("password", "salt"), lambda hasher: hasher.verify("a", "b")],
    ids=["encode", "verify"],
)


@WAYS
def test_no_more_hashes_run_at_once_than_the_setting_says(together, work):
    assert 1 <= together(work) <= settings.PASSWORD_HASHES_AT_ONCE


@pytest.mark.control
@WAYS
def test_control_without_the_bound_every_thread_hashes(together, work, monkeypatch):
    monkeypatch.setattr(hashers, "slots", threading.Semaphore(THREADS))
    assert together(work, seconds=10) == THREADS


def test_a_hash_that_fails_gives_its_slot_back(monkeypatch):
    def fail(self, *_: str) -> str:
        raise ValueError("no such encoding")

    monkeypatch.setattr(Argon2PasswordHasher, "verify", fail)
    for _ in range(settings.PASSWORD_HASHES_AT_ONCE + 1):
        with pytest.raises(ValueError, match="no such encoding"):
            hashers.Argon2().verify("a", "b")
