"""Which tests run which line, how long each takes, and which constraints the databases have.

Made by one run of the tests under coverage.py, a context a test (plugin.py), kept in a folder.
"""

import ast
import json
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from coverage import CoverageData

from tests.mutants.mutation import Mutant
from tests.mutants.operators.python import Source

COVERAGE, TIMES, CONSTRAINTS = "coverage", "times.json", "constraints.json"
FAILED = "failed.json"


class Survey:
    """What one run of the tests on the unchanged product has shown."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root = folder, root
        self.times: dict[str, float] = json.loads((folder / TIMES).read_text())
        self.constraints: list[dict[str, str]] = json.loads((folder / CONSTRAINTS).read_text())
        self._trees: dict[str, Source] = {}
        self._tests_of_apps: dict[str, set[str]] = {}
        self._tests_about: dict[str, set[str]] = {}

    @cached_property
    def _data(self) -> CoverageData:
        data = CoverageData(basename=str(self._folder / COVERAGE))
        data.read()
        return data

    @cached_property
    def _paths(self) -> dict[str, str]:
        """The measured files by their path in the repository."""
        return {
            Path(name).relative_to(self._root).as_posix(): name
            for name in self._data.measured_files()
            if Path(name).is_relative_to(self._root)
        }

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Return the tests that can notice the mutant, the quickest first."""
        if mutant.edit is None:
            about = self._naming(mutant)
            found = self._of_table(mutant)
            found |= {test for test in self.times if test.split("::")[0] in about}
        elif mutant.path.endswith(".lua"):
            found = self._of_lua(mutant)
        else:
            found = self._of_python(mutant)
        named = self._naming(mutant) if mutant.edit is None else self._importing(mutant.path)
        return sorted(
            (test for test in found if test in self.times),
            key=lambda test: (test.split("::")[0] not in named, self.times[test]),
        )

    def _importing(self, path: str) -> set[str]:
        """Return the test files that import from the mutant's app: they are about it."""
        app = path.split("/", maxsplit=1)[0]
        if app not in self._tests_about:
            self._tests_about[app] = {
                file.relative_to(self._root).as_posix()
                for file in (self._root / "tests").rglob("test_*.py")
                if re.search(rf"^from {app}[. ]", file.read_text(), re.MULTILINE)
            }
        return self._tests_about[app]

    def _naming(self, mutant: Mutant) -> set[str]:
        """Return the test files that name a constraint or its constant, or list all of them."""
        app = mutant.path.split("_")[0]
        folder = self._root / app
        rooms = [*folder.glob("models.py"), *sorted((folder / "models").glob("*.py"))]
        models = "\n".join(room.read_text() for room in rooms)
        constants = re.findall(rf'^(\w+) = "{mutant.original}"', models, re.MULTILINE)
        words = (mutant.original, *constants, "pg_constraint")  # which lists them all
        return {
            path.relative_to(self._root).as_posix()
            for path in (self._root / "tests").rglob("test_*.py")
            if any(word in path.read_text() for word in words)
        }

    def _of_lines(self, path: str, lines: Iterable[int]) -> set[str]:
        if path not in self._paths:
            return set()
        contexts = self._data.contexts_by_lineno(self._paths[path])
        return {test for line in lines for test in contexts.get(line, []) if test}

    def _of_python(self, mutant: Mutant) -> set[str]:
        assert mutant.edit is not None
        source = self._source(mutant.path)
        function = _function_around(source.tree, mutant.line)
        if function is not None:
            last = max(mutant.line, _line_of(source, mutant.edit.end))
            found = self._of_lines(mutant.path, range(mutant.line, last + 1))
            return found or self._of_lines(mutant.path, _body(function))
        return self._of_name(mutant.path, _assigned(source.tree, mutant.line))

    def _of_name(self, path: str, name: str) -> set[str]:
        """Return the tests that run functions in which a module's constant stands."""
        tree = self._source(path).tree
        names = {name}
        for _ in range(3):  # constants made of constants
            names |= {
                _assigned(tree, node.lineno)
                for node in tree.body
                if isinstance(node, (ast.Assign, ast.AnnAssign)) and names & _names(node)
            }
        functions = [
            node
            for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and names & _names(node)
        ]
        found = {t for f in functions for t in self._of_lines(path, _body(f))}
        return found or self._of_app(path)

    def _of_lua(self, mutant: Mutant) -> set[str]:
        """Return the tests that run Python functions which name a Lua function that gets there."""
        folder = self._root / mutant.path
        text = "\n".join(p.read_text() for p in sorted(folder.parent.glob("*.lua")))
        registered = dict(re.findall(r"register_function\('(\w+)', (\w+)\)", text))
        reached = _lua_callers((self._root / mutant.path).read_text(), text, mutant.line)
        names = {name for name, function in registered.items() if function in reached}
        names |= {name.split("_v1_")[-1] for name in names}  # stores call by the part behind it
        app = mutant.path.split("/")[0]
        found: set[str] = set()
        for path in (p for p in self._paths if p.startswith(f"{app}/")):
            for node in ast.walk(self._source(path).tree):
                if isinstance(node, ast.FunctionDef) and names & _strings(node):
                    found |= self._of_lines(path, _body(node))
        return found or self._of_app(mutant.path)

    def _of_table(self, mutant: Mutant) -> set[str]:
        return self._of_app(mutant.path.split("_")[0])

    def _of_app(self, path: str) -> set[str]:
        app = path.split("/", maxsplit=1)[0]
        if app not in self._tests_of_apps:
            self._tests_of_apps[app] = {
                test
                for name in self._paths
                if re.match(rf"{app}/(operations|usecases|locking|queries|relay|runtime)", name)
                for test in self._of_lines(name, self._every_body(name))
            }
        return self._tests_of_apps[app]

    def _every_body(self, path: str) -> set[int]:
        tree = self._source(path).tree
        return {
            line
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef)
            for line in _body(node)
        }

    def _source(self, path: str) -> Source:
        if path not in self._trees:
            self._trees[path] = Source((self._root / path).read_bytes())
        return self._trees[path]


def _line_of(source: Source, offset: int) -> int:
    return source.content.count(b"\n", 0, offset) + 1


def _function_around(tree: ast.Module, line: int) -> ast.FunctionDef | None:
    around = None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0):
            around = node  # ast.walk goes from the outside in
    return around


def _body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[int]:
    return set(range(function.body[0].lineno, (function.end_lineno or 0) + 1))


def _assigned(tree: ast.Module, line: int) -> str:
    for node in tree.body:
        if node.lineno <= line <= (node.end_lineno or 0):
            targets = node.targets if isinstance(node, ast.Assign) else []
            if isinstance(node, ast.AnnAssign):
                targets = [node.target]
            return next((t.id for t in targets if isinstance(t, ast.Name)), "")
    return ""


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _strings(node: ast.AST) -> set[str]:
    constants = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def _lua_callers(source: str, library: str, line: int) -> set[str]:
    """Return the local functions of a library from which a line of `source` is reached."""
    starts = re.compile(r"^(?:local )?function (\w+)", re.MULTILINE)
    before = "\n".join(source.splitlines()[:line])
    around = [match.group(1) for match in starts.finditer(before)]
    reached = {around[-1]} if around else set()
    bodies = re.split(starts, library)[1:]
    functions = dict(zip(bodies[::2], bodies[1::2], strict=True))
    while True:
        more = {
            name
            for name, body in functions.items()
            if any(re.search(rf"\b{called}\b", body) for called in reached)
        }
        if more <= reached:
            return reached
        reached |= more
