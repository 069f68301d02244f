"""docs/erd.md: the entities, their relations, and the rules that the databases keep."""

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig
from django.db import models

from kernel.docs.database_rules import own_apps, rules_of

_HEAD = """# Entities

Written by `manage.py documents` from the models and each app's `database_rules.py`. In the diagrams
`PK` is a UUIDv7 unless it says otherwise; `FK` is enforced in the database, `REF` refers by value
(see [foreign-key rules](decisions/0005-foreign-key-rules.md)); `UK` is unique by itself. Tables of
Django and allauth (groups, permissions, e-mail addresses) are left out.

Below each diagram are the constraints, indexes and triggers of its tables, each with the rule or
query it serves; a test compares them with the catalogues of the databases. Three kinds are left
out: primary keys, the `..._check` that keeps a positive column positive, and the `..._like` index
that Django adds to a unique text.
"""


def diagram() -> str:
    """Return docs/erd.md."""
    return _HEAD + "\n".join(_sections()) + "\n"


def _sections() -> Iterator[str]:
    for config in own_apps():
        yield f"\n## {config.label}\n\n```mermaid\nerDiagram"
        for model in sorted(config.get_models(), key=lambda model: model.__name__):
            yield from _entity(model)
        yield "```"
        yield from _rules(config)


def _rules(config: AppConfig) -> Iterator[str]:
    rules = rules_of(config)
    if not rules:
        return
    yield "\n| table | name | kind | columns | serves |\n|---|---|---|---|---|"
    for rule in rules:
        name = rule.name.removeprefix(f"{rule.table}.")
        yield f"| {rule.table} | `{name}` | {rule.kind} | {rule.columns} | {rule.serves} |"


def _entity(model: type[models.Model]) -> Iterator[str]:
    name = model.__name__
    yield f"    {name} {{"
    for field in model._meta.concrete_fields:
        mark = _mark(field)
        yield f"        {_type(field)} {field.column}" + (f" {mark}" if mark else "")
    yield "    }"
    for field in model._meta.concrete_fields:
        if field.is_relation and field.related_model:
            left = "|o" if field.null else "||"
            right = "o|" if field.unique else "o{"
            yield f"    {field.related_model.__name__} {left}--{right} {name} : {field.name}"


def _mark(field: Any) -> str:
    if field.primary_key:
        return "PK,FK" if field.is_relation else "PK"
    if field.is_relation:
        return "FK" if field.db_constraint else '"REF"'
    return "UK" if field.unique else ""


def _type(field: Any) -> str:
    kind = field.target_field if field.is_relation else field
    return str(kind.get_internal_type()).removesuffix("Field").lower()
