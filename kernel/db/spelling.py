"""Note [Texts that read alike] in SQL: what the database keeps and compares.

Codes in a column with `keeps_codes` are canonical, so the index of `Folded` needs no more than
their case gone; a search brings whole texts into the form first. PostgreSQL's tables of characters
may be newer than Python's: what both know is equal for good, what one doesn't know can't be
printed, and `is_code` refuses it.
"""

from typing import TYPE_CHECKING, Any

from django.db.models import CharField, CheckConstraint, F, Func, Lookup, Q, TextField

from kernel.text.spelling import BLANKS, DASHES, INVISIBLE, fold

if TYPE_CHECKING:  # generic for the type checker only
    _Lookup = Lookup[Any]
else:
    _Lookup = Lookup

# Expressions over `{}`.
FOLDED_SQL = 'normalize(casefold({} COLLATE "pg_unicode_fast"), NFKC)'
CANONICAL_SQL = (
    f"btrim(regexp_replace(translate(normalize(regexp_replace(normalize({{}}, NFKC), '{INVISIBLE}',"
    f" '', 'g'), NFKC), '{DASHES}', '{'-' * len(DASHES)}'), '{BLANKS}', ' ', 'g'))"
)
_EXPRESSION = "%(expressions)s"


class Canonical(Func):
    """`kernel.text.spelling.canonical` of a column."""

    template = CANONICAL_SQL.format(_EXPRESSION)
    arity = 1
    output_field = TextField()


class Folded(Func):
    """`kernel.text.spelling.fold` of a column whose values are canonical."""

    template = FOLDED_SQL.format(_EXPRESSION)
    arity = 1
    output_field = TextField()


def keeps_codes(*columns: str, name: str) -> CheckConstraint:
    """Return the constraint that lets only canonical codes, and no empty one, into `columns`."""
    condition = Q()
    for column in columns:
        condition &= Q(**{column: Canonical(F(column))}) & ~Q(**{column: ""})
    return CheckConstraint(condition=condition, name=name)


class Reads(_Lookup):
    """`code__reads=x`: the canonical code in the column is the same code as `x`."""

    lookup_name = "reads"

    def get_prep_lookup(self) -> str:
        return fold(str(self.rhs))

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        return f"{FOLDED_SQL.format(column)} = %s", (*parameters, self.rhs)


class Mentions(_Lookup):
    """`title__mentions=x`: the text in the column has `x` in it, however either is typed."""

    lookup_name = "mentions"

    def get_prep_lookup(self) -> str:
        return fold(str(self.rhs))

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        wanted = f"%{connection.ops.prep_for_like_query(self.rhs)}%"
        folded = FOLDED_SQL.format(CANONICAL_SQL.format(column))
        return f"{folded} LIKE %s", (*parameters, wanted)


for _column in (CharField, TextField):
    _column.register_lookup(Reads)
    _column.register_lookup(Mentions)
