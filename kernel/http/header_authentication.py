"""Authentication by a header of the view's own, for requests that show no login.

Note [Shown instead of a login]
A view may take another proof of who calls than a login. Its authenticators are then the site's and,
after them, one of this class. A login that is sent goes first, right or wrong: a bad one is refused
whatever stands beside it. What stands in front of Django reads the same class: the early refusals
leave such a request to the view, and a fast path names the class that it stands for.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.authentication import BaseAuthentication


class HeaderAuthentication(BaseAuthentication):
    """Authentication by the header `environ_name` (its name in a WSGI environment)."""

    environ_name: ClassVar[str]

    @classmethod
    def is_shown_in(cls, environ: Mapping[str, Any]) -> bool:
        """Say whether a request shows this header, and no login beside it."""
        return "HTTP_AUTHORIZATION" not in environ and bool(environ.get(cls.environ_name))
