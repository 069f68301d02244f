"""Draw the entities and their relations (Mermaid), from the models themselves."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models

_HEAD = """# Entities

Written by `manage.py documents` from the models, an app at a time. `PK` is a UUIDv7 unless it says
otherwise; `FK` is enforced in the database, `REF` refers by value (see
[foreign-key rules](decisions/0005-foreign-key-rules.md)); `UK` is unique by itself. The apps of
Django and allauth (sessions, groups, permissions, e-mail addresses) are left out.
"""


def diagram() -> str:
    """Return docs/erd.md."""
    return _HEAD + "\n".join(_sections()) + "\n"


def _sections() -> Iterator[str]:
    for config in apps.get_app_configs():
        if not config.path.startswith(str(settings.BASE_DIR)) or ".venv" in config.path:
            continue
        own = sorted(config.get_models(), key=lambda model: model.__name__)
        if not own:
            continue
        yield f"\n## {config.label}\n\n```mermaid\nerDiagram"
        for model in own:
            yield from _entity(model)
        yield "```"


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
