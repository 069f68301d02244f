"""Send each model to its database."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

from kernel.db import replica

IDEMPOTENCY = "idempotency"


class FrontrowRouter:
    """Primary by default; a read inside `stale_reads` may go to the replica.

    The app `idempotency` lives in its own database and nothing else does.
    """

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        if model._meta.app_label == IDEMPOTENCY:
            return IDEMPOTENCY
        return replica.current_alias()

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return IDEMPOTENCY if model._meta.app_label == IDEMPOTENCY else DEFAULT_DB_ALIAS

    def allow_relation(self, left: Model, right: Model, **hints: Any) -> bool:
        labels = {left._meta.app_label, right._meta.app_label}
        return IDEMPOTENCY not in labels or len(labels) == 1

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        if db == replica.REPLICA:
            return False
        return (app_label == IDEMPOTENCY) == (db == IDEMPOTENCY)
