"""What each constraint, index and trigger of an app's tables is for.

Note [Database rules]
Each app with tables says in `database_rules.py` what its database keeps, and why: `RULES` for what
its models declare, by name, or by `table.column` where Django makes the name; `IN_SQL` for what its
migrations write as SQL. docs/erd.md lists both. A constraint without a reason and a reason without
a constraint stop `manage.py documents`; tests/integration/test_database_rules.py compares the lists
with the catalogues of the servers, which also know what nobody declared.

Three kinds need no reason of their own: primary keys, the checks by which Django keeps positive
columns positive, and the pattern indexes (`..._like`) that it adds to unique texts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@dataclass(frozen=True)
class InSql:
    """A trigger, function or constraint that a migration writes as SQL."""

    table: str
    kind: str
    serves: str


@dataclass(frozen=True)
class DatabaseRule:
    """One line of docs/erd.md."""

    table: str
    name: str
    kind: str
    columns: str
    serves: str


def own_apps() -> Iterator[AppConfig]:
    """Yield the apps of this project that have tables."""
    for config in apps.get_app_configs():
        ours = config.path.startswith(str(settings.BASE_DIR)) and ".venv" not in config.path
        if ours and any(config.get_models()):
            yield config


def rules_of(config: AppConfig) -> list[DatabaseRule]:
    """Return what the database keeps for an app, a table at a time.

    Raises `ImproperlyConfigured` with the names that lack a reason, or have one for nothing.
    """
    module = import_module(f"{config.name}.database_rules")
    reasons: dict[str, str] = module.RULES
    in_sql: dict[str, InSql] = getattr(module, "IN_SQL", {})
    declared = [rule for model in config.get_models() for rule in _declared(model)]
    names = {name for _, name, _, _ in declared}
    if names != reasons.keys():
        missing, needless = sorted(names - reasons.keys()), sorted(reasons.keys() - names)
        raise ImproperlyConfigured(
            f"{config.name}/database_rules.py (Note [Database rules] in {__name__}): "
            f"no reason for {missing}, reasons for nothing {needless}"
        )
    rules = [DatabaseRule(*found, serves=reasons[found[1]]) for found in declared]
    rules += [
        DatabaseRule(one.table, name, one.kind, "", one.serves) for name, one in in_sql.items()
    ]
    return sorted(rules, key=lambda rule: (rule.table, rule.kind, rule.name))


def _declared(model: type[models.Model]) -> Iterator[tuple[str, str, str, str]]:
    """Yield table, name, kind and columns of what a model declares."""
    table = model._meta.db_table
    fields: Iterable[Any] = model._meta.concrete_fields
    for field in fields:
        if field.primary_key or not (field.unique or field.db_index):
            continue
        kind = "unique" if field.unique else "index"
        yield table, f"{table}.{field.column}", kind, str(field.column)
    for rule in [*model._meta.constraints, *model._meta.indexes]:
        yield table, rule.name, _kind(rule), _columns(rule)


def _kind(rule: Any) -> str:
    if isinstance(rule, models.CheckConstraint):
        return "check"
    kind = "index" if isinstance(rule, models.Index) else "unique"
    return f"partial {kind}" if rule.condition else kind


def _columns(rule: Any) -> str:
    if isinstance(rule, models.CheckConstraint):
        return ""
    return ", ".join([*rule.fields, *(_said(one) for one in rule.expressions)])


def _said(expression: Any) -> str:
    name = getattr(expression, "name", None)  # of a column
    if name:
        return str(name)
    inner = ", ".join(_said(one) for one in expression.get_source_expressions())
    return f"{type(expression).__name__.lower()}({inner})"
