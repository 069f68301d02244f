"""Advisory locks, named by text.

The key is the first eight bytes of a SHA-256 over namespace and parts: the two-key form of
PostgreSQL holds only 2 x 32 bits, too few for two UUIDs.
"""

from hashlib import sha256

from django.db import DEFAULT_DB_ALIAS, connections

from kernel.db.transaction import require_transaction


def lock_key(namespace: str, *parts: object) -> int:
    """Return the signed 64-bit key of a named lock."""
    digest = sha256("\x1f".join([namespace, *map(str, parts)]).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def lock_for_transaction(namespace: str, *parts: object, using: str = DEFAULT_DB_ALIAS) -> None:
    """Hold the named lock until the open transaction ends; waits up to `lock_timeout`."""
    require_transaction(using=using)
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key(namespace, *parts)])


def share_lock_for_transaction(
    namespace: str, *parts: object, using: str = DEFAULT_DB_ALIAS
) -> None:
    """Share the named lock until the open transaction ends; waits while somebody holds it alone."""
    require_transaction(using=using)
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [lock_key(namespace, *parts)])
