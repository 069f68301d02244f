"""Column types that Django lacks."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.expressions import DatabaseDefault, RawSQL

from kernel.ids import uuid7

if TYPE_CHECKING:  # generic for the type checker only
    _UUIDField = models.UUIDField[Any, Any]
    _BigIntegerField = models.BigIntegerField[Any, Any]
else:
    _UUIDField = models.UUIDField
    _BigIntegerField = models.BigIntegerField


class UUID7Field(_UUIDField):
    """A UUIDv7 primary key, made in Python so that it is known before the row is written."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("primary_key", True)
        kwargs.setdefault("default", uuid7)
        kwargs.setdefault("editable", False)
        super().__init__(**kwargs)


class IdentityField(_BigIntegerField):
    """A bigint that the database numbers itself (`GENERATED ALWAYS AS IDENTITY`)."""

    db_returning = False

    def __init__(self, **kwargs: Any) -> None:
        kwargs["editable"] = False
        kwargs["blank"] = True
        super().__init__(**kwargs)

    def db_type(self, connection: Any) -> str:
        return "bigint GENERATED ALWAYS AS IDENTITY"

    def rel_db_type(self, connection: Any) -> str:
        return "bigint"

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        if add:
            return _KeywordDefault(RawSQL("NULL", []), output_field=self)
        return super().pre_save(model_instance, add)


class _KeywordDefault(DatabaseDefault):
    """The bare DEFAULT keyword: the only value an identity column accepts."""

    def resolve_expression(self, *args: Any, **kwargs: Any) -> "_KeywordDefault":
        return self

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[()]]:
        return "DEFAULT", ()
