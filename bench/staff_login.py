"""A login of a new operator: run with a stack's environment, it prints the cookie as JSON."""

import json

import django

django.setup()

from django.conf import settings  # noqa: E402  (needs the set-up)
from django.contrib.auth import (  # noqa: E402
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
)
from django.contrib.auth.models import Group  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.sessions import SessionStore  # noqa: E402
from kernel.ids import uuid7  # noqa: E402


def main() -> None:
    """Make the member of staff and the session."""
    user = User.objects.create_user(email=f"board-{uuid7().hex}@example.com", is_staff=True)
    user.groups.set(Group.objects.filter(name="operator"))
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    print(json.dumps([settings.SESSION_COOKIE_NAME, session.session_key]))


main()
