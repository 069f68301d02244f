"""Column types that Django lacks: UUIDv7 keys, texts in one form, identity columns."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.expressions import DatabaseDefault, RawSQL

from kernel.db import spelling as _lookups  # noqa: F401  (of every text column)
from kernel.ids import uuid7
from kernel.text.spelling import canonical, composed

if TYPE_CHECKING:  # generic for the type checker only
    _UUIDField = models.UUIDField[Any, Any]
    _BigIntegerField = models.BigIntegerField[Any, Any]
    _CharField = models.CharField[Any, Any]
    _TextField = models.TextField[Any, Any]
    _Field = models.Field[Any, Any]
else:
    _UUIDField = models.UUIDField
    _BigIntegerField = models.BigIntegerField
    _CharField = models.CharField
    _TextField = models.TextField
    _Field = object


class UUID7Field(_UUIDField):
    """A UUIDv7 primary key, made in Python so that it is known before the row is written."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("primary_key", True)
        kwargs.setdefault("default", uuid7)
        kwargs.setdefault("editable", False)
        super().__init__(**kwargs)


class _Spelled(_Field):
    """Brings a text into one form on every way into the table (Note [Texts that read alike])."""

    spelling: Callable[[str], str]

    def to_python(self, value: Any) -> Any:
        return self.spelling(value) if isinstance(value, str) else super().to_python(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = getattr(model_instance, self.attname)
        if isinstance(value, str):  # an expression is for the database to compute
            value = self.spelling(value)
            setattr(model_instance, self.attname, value)
        return value


class CodeField(_Spelled, _CharField):
    """A code that people type, kept canonical; `keeps_codes` is its constraint."""

    spelling = staticmethod(canonical)


class NameField(_Spelled, _CharField):
    """A title or a name, kept composed."""

    spelling = staticmethod(composed)


class ProseField(_Spelled, _TextField):
    """A longer text, kept composed."""

    spelling = staticmethod(composed)


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
