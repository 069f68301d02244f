"""Guards in Python: conditions, boundaries, filters of the ORM, locks; SQL in strings."""

import ast
import re
from collections.abc import Iterator
from typing import TypeGuard

from tests.mutants.mutation import Edit
from tests.mutants.operators import sql

_BOUNDARIES: dict[type[ast.cmpop], bytes] = {
    ast.Lt: b"<=",
    ast.LtE: b"<",
    ast.Gt: b">=",
    ast.GtE: b">",
}
_WRITTEN = {ast.Lt: b"<", ast.LtE: b"<=", ast.Gt: b">", ast.GtE: b">="}
_QUOTE = re.compile(r"""[a-zA-Z]*(\"{3}|'{3}|"|')""")
_FILTERS = {"filter", "exclude", "Q"}


class Source:
    """A Python file: its tree and where each node stands, in bytes."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.tree = ast.parse(content)
        self._lines = [0]
        for line in content.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        """Return where a node begins and ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._lines[node.lineno - 1] + node.col_offset,
            self._lines[node.end_lineno - 1] + node.end_col_offset,
        )

    def text(self, node: ast.expr | ast.stmt | ast.keyword) -> bytes:
        """Return a node as it is written."""
        start, end = self.span(node)
        return self.content[start:end]


def edits(content: bytes) -> Iterator[Edit]:
    """Yield the edits of a Python source."""
    source = Source(content)
    ignored = _docstrings(source.tree) | _parts_of_strings(source.tree)
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.If, ast.IfExp, ast.While)):
            yield from _condition(source, node.test)
        elif isinstance(node, ast.comprehension):
            for test in node.ifs:
                yield from _condition(source, test)
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.BoolOp):
            yield from _operands(source, node.value)
        elif isinstance(node, ast.Compare):
            yield from _boundary(source, node)
        elif isinstance(node, ast.Call):
            yield from _call(source, node)
        elif _is_lock(node):
            yield Edit("lock", *source.span(node), b"pass")
        elif isinstance(node, (ast.Constant, ast.JoinedStr)) and id(node) not in ignored:
            yield from _sql(source, node)


def _docstrings(tree: ast.Module) -> set[int]:
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def _parts_of_strings(tree: ast.Module) -> set[int]:
    strings = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    return {id(part) for string in strings for part in ast.walk(string) if part is not string}


def _is_lock(node: ast.AST) -> TypeGuard[ast.Expr]:
    """Say whether a statement is nothing but the call that takes a lock."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and _name(node.value.func).startswith("lock_")
    )


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _condition(source: Source, test: ast.expr) -> Iterator[Edit]:
    yield Edit("negate", *source.span(test), b"not (" + source.text(test) + b")")
    if isinstance(test, ast.BoolOp):
        yield from _operands(source, test)


def _operands(source: Source, test: ast.BoolOp) -> Iterator[Edit]:
    word, neutral = ("and", b"True") if isinstance(test.op, ast.And) else ("or", b"False")
    for operand in test.values:
        if not any(isinstance(part, ast.NamedExpr) for part in ast.walk(operand)):
            yield Edit(f"drop {word}", *source.span(operand), neutral)


def _boundary(source: Source, node: ast.Compare) -> Iterator[Edit]:
    left = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        if type(operator) in _BOUNDARIES:
            start, end = source.span(left)[1], source.span(right)[0]
            at = source.content.index(_WRITTEN[type(operator)], start, end)
            length = len(_WRITTEN[type(operator)])
            yield Edit("boundary", at, at + length, _BOUNDARIES[type(operator)])
        left = right


def _call(source: Source, node: ast.Call) -> Iterator[Edit]:
    name = _name(node.func)
    if name in _FILTERS:
        for keyword in node.keywords if name != "Q" or len(node.keywords) > 1 else []:
            start, end = source.span(keyword)
            rest = source.content[end:]
            blank = len(rest) - len(rest.lstrip(b" \n"))
            if rest[blank : blank + 1] == b",":
                end += blank + 1
            yield Edit("filter", start, end, b"")
    if name == "select_for_update" and isinstance(node.func, ast.Attribute):
        yield Edit("lock", source.span(node.func.value)[1], source.span(node)[1], b"")
    if name in ("max", "min") and isinstance(node.func, ast.Name) and len(node.args) > 1:
        other = b"min" if name == "max" else b"max"
        yield Edit("bound", *source.span(node.func), other)


def _sql(source: Source, node: ast.Constant | ast.JoinedStr) -> Iterator[Edit]:
    if isinstance(node, ast.Constant) and not isinstance(node.value, str):
        return
    literal = source.text(node).decode()
    quote = _QUOTE.match(literal)
    if quote is None or not sql.is_sql(literal):
        return
    text = literal[quote.end() : -len(quote.group(1))]
    start = source.span(node)[0] + quote.end()
    yield from (edit.moved(start) for edit in sql.edits(text))
