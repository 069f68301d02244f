"""Labels of model fields in Korean and English, for the screens of staff."""

from collections.abc import Iterator

from django.apps import apps
from django.conf import settings
from django.db.models import Field, Model


def name_fields() -> None:
    """Give every field of our models its label from the setting `FIELD_LABELS`, by field name.

    Only `verbose_name` is set, which migrations don't look at (they keep the one that a field was
    declared with).
    """
    labels = settings.FIELD_LABELS
    for field in own_fields():
        if field.name in labels:
            field.verbose_name = labels[field.name]


def own_fields() -> Iterator["Field[object, object]"]:
    """Walk the fields of the models that live in this repository."""
    for model in apps.get_models():
        if _is_ours(model):
            yield from model._meta.local_fields
            yield from model._meta.local_many_to_many


def _is_ours(model: type[Model]) -> bool:
    config = apps.get_app_config(model._meta.app_label)
    return config.path.startswith(str(settings.BASE_DIR)) and "site-packages" not in config.path
