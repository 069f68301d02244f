"""The permissions of API views."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from kernel.caller import Caller, Machine


class LoggedIn(BasePermission):
    """Any person with a valid access token."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, Caller)


IsFan = LoggedIn  # every person may buy, staff too


class IsStaffMember(BasePermission):
    """A person who may enter the admin."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, Caller) and request.user.is_staff


class InGroup(BasePermission):
    """A member of one of the named groups: `permission_classes = [InGroup("door")]`."""

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)

    def __call__(self) -> "InGroup":
        return self  # DRF instantiates what the list holds

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, Caller) and not self.names.isdisjoint(request.user.groups)


class ByKeyOrGroup(BasePermission):
    """The base: a machine whose API key has the `scope`, or a member of one of the `groups`."""

    scope: ClassVar[str]
    groups: ClassVar[frozenset[str]]

    def has_permission(self, request: Request, view: Any) -> bool:
        if isinstance(request.user, Machine):
            return self.scope in request.user.scopes
        return InGroup(*self.groups).has_permission(request, view)


def check_performance(request: Request, performance_id: UUID) -> None:
    """Raise `PermissionDenied` for a machine whose API key is for other performances."""
    if isinstance(request.user, Machine) and not request.user.may_serve(performance_id):
        raise PermissionDenied
