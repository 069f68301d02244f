"""The addresses of the scripts and stylesheets of `ui/dist`."""

import logging
from functools import cache
from pathlib import Path

from django.conf import settings
from django.templatetags.static import static

log = logging.getLogger(__name__)


def bundle(name: str) -> str | None:
    """Return the address of a file of `ui/dist`; None where it has none of that name.

    None too where `collectstatic` has not run: a page without its style beats a site that does not
    start.
    """
    if name not in _bundles():
        return None
    try:
        return static(name)
    except ValueError:  # the storage has no entry for it
        log.error("static files are not collected", extra={"file": name})
        return None


@cache
def _bundles() -> frozenset[str]:
    return frozenset(path.name for path in Path(settings.STATICFILES_DIRS[0]).iterdir())
