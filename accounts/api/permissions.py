"""The permissions of API views."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from kernel.caller import Caller


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
