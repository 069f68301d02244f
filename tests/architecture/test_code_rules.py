"""Rules of the layout that no linter knows, checked on the syntax tree."""

import ast
import gc
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = sorted(
    path.parent.name for path in ROOT.glob("*/apps.py") if (path.parent / "__init__.py").exists()
)
EDGES = (
    "/api/",
    "/api.py",
    "tasks.py",
    "consumers.py",
    "/management/",
    "/admin",
    "/fastpath.py",  # a WSGI handler
    "fastpath/",  # an RSGI application
    "token_strategy.py",  # called by allauth, with a request in hand
    "accounts/sessions.py",  # Django's session engine, called by its middleware
    "accounts/page_",  # a middleware, and what the WSGI application asks in front of Django
    "accounts/provider_adapter.py",  # the same
    "accounts/forms.py",  # called by allauth, with a request in hand
    "storefront/",  # views and forms only
    "boxoffice/staff_pages.py",  # where requests of staff arrive
    "boxoffice/door/documents.py",  # the same, of a gate
)
LINES = 300
FUNCTION_LINES = 50


@cache
def sources() -> tuple[Path, ...]:
    packages = [*APPS, "config", "fastpath", "stack", "stream"]
    return tuple(
        path
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
    )


def product_sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sources():
        yield path.relative_to(ROOT).as_posix(), tree_of(path)


@cache
def tree_of(path: Path) -> ast.Module:
    # Python 3.11 miscounts its depth when a collection calls back, as hypothesis has it do,
    # while a tree is built ("AST constructor recursion depth mismatch").
    gc.disable()
    try:
        return ast.parse(path.read_text(), filename=str(path))
    finally:
        gc.enable()


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def in_app_module(name: str, *modules: str) -> bool:
    app, _, rest = name.partition("/")
    return app in APPS and app != "kernel" and rest.startswith(modules)


def test_there_are_sources_to_check():
    assert len(sources()) > 100
    assert {"reservations", "queueing", "payments"} <= set(APPS)


def test_no_import_inside_a_function():
    found = [
        f"{name}:{inner.lineno}"
        for name, tree in product_sources()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in ast.walk(node)
        if isinstance(inner, (ast.Import, ast.ImportFrom))
        # AppConfig.ready is Django's own place for imports that need the registry.
        and not (name.endswith("apps.py") and node.name == "ready")
        # Runs under any Python, to say plainly that this one is too old.
        and name != "stack/venv.py"
    ]
    assert found == []


def test_only_edges_ask_what_time_it_is():
    found = []
    for name, tree in product_sources():
        if name.startswith(("stack/", "kernel/")) or any(edge in name for edge in EDGES):
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            call = ast.unparse(node.func)
            if call in {"clock.now", "datetime.now", "timezone.now", "datetime.utcnow"}:
                found.append(f"{name}:{node.lineno} {call}")
    assert found == []


def test_use_cases_and_operations_know_neither_http_nor_celery():
    below = ("usecases", "operations", "queries", "locking", "models", "policy", "events")
    banned = ("rest_framework", "celery", "django.http", "confluent_kafka")
    found = [
        f"{name} imports {module}"
        for name, tree in product_sources()
        if in_app_module(name, *below) and not name.startswith("events/")
        for module in imported(tree)
        if module.startswith(banned)
    ]
    assert found == []


def test_views_reach_data_only_through_use_cases_and_queries():
    found = []
    for name, tree in product_sources():
        if not in_app_module(name, "api/"):
            continue
        found += [f"{name} imports {module}" for module in imported(tree) if module == "django.db"]
        found += [
            f"{name}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr == "objects"
        ]
    assert found == []


def test_rows_are_locked_only_in_locking_modules():
    found = []
    for name, tree in product_sources():
        if name.endswith("locking.py") or name.startswith("stack/"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == "select_for_update":
                found.append(f"{name}:{node.lineno}")
    assert found == []


# Note [Unknown outcome] in kernel/db/connection.py. psycopg's `cancel` and `cancel_safe` by the
# names that connections go by here.
CANCELS = re.compile(
    r"pg_cancel_backend|cancel_safe|PQcancel|get_cancel|[Cc]onn(ection)?s?(\[.*\])?\.cancel\b"
)


def test_nothing_of_ours_cancels_what_the_database_does():
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{number}"
        for path in sources()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if CANCELS.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "cursor.execute('SELECT pg_cancel_backend(%s)', [pid])",
        "connection.cancel()",
        "connections['default'].cancel()",
        "self._conn.cancel()",
        "session.cancel_safe(timeout=1)",
    ],
)
def test_control_a_cancel_is_seen(line):
    assert CANCELS.search(line)


def test_no_file_is_too_long_to_find_a_rule_in():
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in sources()
        if (lines := len(path.read_text().splitlines())) > LINES
    }
    assert long == {}


def test_no_function_is_too_long_to_be_seen_whole():
    long = {
        f"{name}:{node.lineno} {node.name}": lines
        for name, tree in product_sources()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.parametrize("app", [*APPS, "fastpath"])
def test_every_app_says_what_it_owns(app):
    readme = ROOT / app / "README.md"
    assert readme.exists()
    assert len(readme.read_text()) > 300


def rooms_of_the_kernel() -> set[str]:
    """Return its folders (`db/`) and modules (`clock.py`), as its README names them."""
    return {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "kernel").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    } - {"__init__.py"}


def test_every_room_of_the_kernel_is_in_its_readme():
    readme = (ROOT / "kernel" / "README.md").read_text()
    table = [line.split("|")[1] for line in readme.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([^`]+)`", " ".join(table))) == rooms_of_the_kernel()


def test_every_room_of_the_kernel_has_its_place_in_the_layers():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [inside] = [one for one in contracts["contracts"] if one.get("containers") == ["kernel"]]
    placed = {name for layer in inside["layers"] for name in layer.split(" | ")}
    assert inside["exhaustive"]
    assert placed == {room.rstrip("/").removesuffix(".py") for room in rooms_of_the_kernel()}


def test_no_use_case_calls_another():
    found = [
        f"{name} imports {module}"
        for name, tree in product_sources()
        if in_app_module(name, "usecases")
        for module in imported(tree)
        if module.split(".")[0] == name.split("/")[0]
        and module.split(".")[1:2] == ["usecases"]
        # A use case of several files is a package; its parts are one use case.
        and name.split("/")[2].removesuffix(".py") != (module.split(".")[2:3] or [""])[0]
    ]
    assert found == []


def test_only_seat_changes_write_to_the_copies_of_a_seat():
    """Note [Copies of a seat]: who writes to one of them would leave the other behind."""
    writers = ("seat_claims.write_many", "snapshots.update")
    allowed = {"reservations/seat_changes.py", "reservations/claims/recovery.py"}
    found = {
        name
        for name, tree in product_sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(writers)
    }
    assert found == allowed
