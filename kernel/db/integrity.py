"""Turn the violation of a named constraint into the domain error that explains it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import IntegrityError

from kernel.errors import DomainError


def violated_constraint(error: IntegrityError) -> str | None:
    """Return the name of the constraint that `error` reports, if the server named one."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return getattr(diagnostics, "constraint_name", None)


@contextmanager
def constraints_explained(
    explanations: Mapping[str, DomainError | type[DomainError]],
) -> Iterator[None]:
    """Raise `explanations[constraint]` for its violation; every other violation passes through.

    The statement must stand inside a savepoint if the transaction is to go on afterwards.
    """
    try:
        yield
    except IntegrityError as error:
        explanation = explanations.get(violated_constraint(error) or "")
        if explanation is None:
            raise
        raise explanation from error
