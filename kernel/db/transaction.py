"""Four words for four intentions about transactions.

`transaction` opens the outermost, durable one (use cases); `require_transaction` insists that one
is open (operations); `savepoint` limits what an expected failure undoes; `run_after_commit`
postpones an effect outside the database. The idea of separate words is django-subatomic's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections
from django.db import transaction as django_transaction


class TransactionRequired(RuntimeError):
    """Code that needs an open transaction was called without one."""


@contextmanager
def transaction(*, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Open the outermost transaction; inside another one it is an error."""
    with django_transaction.atomic(using=using, durable=True):
        yield


@contextmanager
def savepoint(*, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Mark a point to which a failure inside rolls back; needs an open transaction."""
    require_transaction(using=using)
    with django_transaction.atomic(using=using):
        yield


def require_transaction(*, using: str = DEFAULT_DB_ALIAS) -> None:
    """Raise `TransactionRequired` unless a transaction of the product's own is open."""
    if not _in_own_transaction(using):
        raise TransactionRequired(f"no transaction is open on {using!r}")


def run_after_commit(effect: Callable[[], object], *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Run `effect` once the open transaction has committed, never if it rolls back."""
    require_transaction(using=using)
    django_transaction.on_commit(effect, using=using)


def _in_own_transaction(using: str) -> bool:
    # The block that a test case wraps around itself does not count: it would hide a missing one.
    blocks = connections[using].atomic_blocks  # and Note [Private attributes]
    return any(not block._from_testcase for block in blocks)  # type: ignore[attr-defined]
