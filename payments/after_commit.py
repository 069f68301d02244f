"""What follows a commit, and can't fail what was committed."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def publishing(what: str, **fields: object) -> Iterator[None]:
    """Log what fails within, with `fields`, and go on: the copies of `what` follow later."""
    try:
        yield
    except Exception:
        log.exception("%s not published", what, extra={k: str(v) for k, v in fields.items()})
