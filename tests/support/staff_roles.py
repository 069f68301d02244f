"""Members of staff by role, and browsers where they are logged in."""

from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from tests.support import factories
from tests.support.staff_pages import browser_of

ROLES = ("staff", "operator", "finance", "door", "integrator")


def member(role: str) -> User:
    """Make somebody of a group of staff."""
    user = factories.make_user(is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    return user


def browser_as(role: str) -> Client:
    """Return the browser of a new member of a group."""
    return browser_of(member(role))
