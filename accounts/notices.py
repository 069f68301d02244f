"""The letters about changes of a login.

They go to the address that was valid before the change, so that a change by a stranger is noticed.
Texts are `templates/account/email/*`, Korean and English in one letter: the reader need not be the
one who made the change.
"""

from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import get_adapter
from django.db import transaction


def send(template: str, email: str, facts: Mapping[str, Any]) -> None:
    """Queue a letter once the open transaction, if any, has committed."""
    letter = get_adapter().render_mail(template, email, {"email": email, **facts})
    transaction.on_commit(letter.send)
