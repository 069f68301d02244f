"""What a fast path checks in place of a view, compared at boot with what the view declares.

Note [Fast paths stand for views]
A fast path (Note [Fast path] in fast_path.py) bypasses its view's authentication, permissions and
throttle, and checks the same in its own way. A view that is given another permission later would be
open through the fast path. So each fast path names what it checks, and a process whose views
declare anything else does not start.
"""

from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from rest_framework.views import APIView

from kernel.http.fast_path import bare_view, proofs_beside_login
from kernel.http.header_authentication import HeaderAuthentication
from kernel.rate_limiting.throttle import RouteThrottle, route_of


@dataclass(frozen=True, slots=True)
class StandsFor:
    """What a fast path checks for one method of a view; without permissions it needs no login.

    `proofs`: what it takes where no login is sent (Note [Shown instead of a login]).
    """

    view: type[APIView]
    method: str
    permissions: tuple[type, ...]
    throttle_route: str | None
    proofs: tuple[type[HeaderAuthentication], ...] = ()


def check_declared(*checks: StandsFor) -> None:
    """Raise ImproperlyConfigured where a view declares other checks than its fast path makes."""
    for made in checks:
        declared = _declared(made.view, made.method)
        if declared != made:
            raise ImproperlyConfigured(f"a fast path checks {made}, its view declares {declared}")


def _declared(view_class: type[APIView], method: str) -> StandsFor:
    view = bare_view(view_class, method)
    permissions = tuple(type(one) for one in view.get_permissions())
    throttles = [type(one) for one in view.get_throttles()]
    proofs = proofs_beside_login(view) if permissions else ()
    if proofs is None:
        raise ImproperlyConfigured(f"{view_class} authenticates by other means than its fast path")
    if throttles != [RouteThrottle]:
        raise ImproperlyConfigured(f"{view_class} is throttled by other means than its fast path")
    return StandsFor(view_class, method, permissions, route_of(method, view), proofs)
