"""The API keys of machines: their form, their hash, and this process's copy of those in force.

Note [API keys]
A key is `frontrow_`, 43 characters drawn at random from 62 (256 bits) and six of a checksum. The
prefix is for people and for scanners of leaked secrets, which search for `frontrow_[0-9A-Za-z]{49}`
and drop what the checksum refutes; so do we, before anything else. Only a keyed BLAKE2b of the key
is stored. A slow hash protects secrets that can be guessed; nobody guesses 256 random bits, and a
slow one would let made-up keys cost us more than they cost their sender. The hash's key derives
from `SECRET_KEY`, so a stolen table alone doesn't even tell whether a key that leaked is one of
ours; `SECRET_KEY_FALLBACKS` still find keys while it is changed.

A request looks the key up in a copy that each process reads every second (Note [Refreshed copy]),
so a revoked key is refused within two seconds everywhere, and a made-up one costs no query. A key
that the copy lacks may be a second old: the copy is read again then, at most ten times a second
however many are made up. Without PostgreSQL the last copy counts: nothing can be revoked then.
"""

import secrets
import string
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from uuid import UUID
from zlib import crc32

from django.conf import settings
from prometheus_client import Counter

from accounts.models import ApiKey
from kernel.caching.refreshed_copy import RefreshedCopy
from kernel.caller import Machine
from kernel.errors import ServiceUnavailable
from kernel.rate_limiting.gcra import Gcra
from kernel.rate_limiting.rates import Rate

PREFIX = "frontrow_"
SHOWN = len(PREFIX) + 6  # characters by which people recognise a key
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM, _CHECKSUM = 43, 6
LENGTH = len(PREFIX) + _RANDOM + _CHECKSUM
_PERSON = b"api-key"
_MISSES = Rate(10, 1)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that is not revoked, as a process knows it."""

    machine: Machine
    expires_at: datetime | None
    last_used_at: datetime | None


def new_key() -> str:
    """Return a new key, to be shown once."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def is_well_formed(key: str) -> bool:
    """Say whether a text has the form of a key and its checksum; no key that we made has not."""
    return (
        len(key) == LENGTH
        and key.startswith(PREFIX)
        and key.isascii()
        and key.endswith(_checksum(key[:-_CHECKSUM]))
    )


def hash_of(key: str, secret: str | None = None) -> str:
    """Return what is stored of a key, 64 hexadecimal digits (Note [API keys])."""
    keyed = (settings.SECRET_KEY if secret is None else secret).encode()[:64]
    return blake2b(key.encode(), key=keyed, person=_PERSON, digest_size=32).hexdigest()


def _checksum(body: str) -> str:
    value, digits = crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        value, rest = divmod(value, len(_ALPHABET))
        digits = _ALPHABET[rest] + digits
    return digits


class KeysInForce(RefreshedCopy):
    """This process's copy of the keys that are not revoked (Note [API keys])."""

    name = "api-keys"
    failures = Counter(
        "frontrow_api_key_refresh_failures_total", "Times the copy of API keys stayed old"
    )

    def __init__(self) -> None:
        super().__init__()
        self._copy: Mapping[str, KnownKey] = {}
        self._misses = Gcra(most=1)

    def begin_process(self) -> None:
        """Start over in a new process; see `RefreshedCopy.begin_process`."""
        super().begin_process()
        self._reading = threading.Lock()

    def refresh(self) -> None:
        """Read the rows; raises what the database raises."""
        with self._reading:  # so that an older copy never replaces a newer one
            rows = ApiKey.objects.filter(revoked_at=None).values_list(
                "key_hash", "id", "scopes", "performance_ids", "expires_at", "last_used_at"
            )
            self._copy = {key_hash: _known(*facts) for key_hash, *facts in rows}
            self.has_copy = True

    def find(self, key: str, *, may_read: bool) -> KnownKey | None:
        """Return what is known of a key; None for one of nobody, revoked or malformed.

        `may_read` lets a key that the copy lacks have it read again: raises what the database
        raises. Raises `ServiceUnavailable` in a process that has no copy yet.
        """
        if not is_well_formed(key):
            return None
        self.start()
        hashes = [
            hash_of(key, one) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        ]
        found = self._look_up(hashes)
        if found is None and may_read and self._may_read_again():
            self.refresh()
            found = self._look_up(hashes)
        if found is None and not self.has_copy:
            raise ServiceUnavailable
        return found

    def drop(self, key_id: UUID) -> None:
        """Refuse a key here at once."""
        kept = {one: row for one, row in self._copy.items() if row.machine.key_id != key_id}
        self._copy = kept

    def _look_up(self, hashes: list[str]) -> KnownKey | None:
        return next((self._copy[one] for one in hashes if one in self._copy), None)

    def _may_read_again(self) -> bool:
        return not self._misses.count("", _MISSES, now=time.monotonic()).is_refused


def _known(
    key_id: UUID,
    scopes: list[str],
    performance_ids: list[str],
    expires_at: datetime | None,
    last_used_at: datetime | None,
) -> KnownKey:
    machine = Machine(key_id, frozenset(scopes), frozenset(map(UUID, performance_ids)))
    return KnownKey(machine, expires_at, last_used_at)


keys_in_force = KeysInForce()
