"""The address at which scripts of pages get an access token (a token-mediating backend)."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from accounts import page_sessions
from accounts.usecases import sessions
from kernel import clock
from kernel.http import problem
from kernel.http.exception_handler import refused_by
from kernel.rate_limiting.in_redis import RateLimited
from storefront.private import count_call


@csrf_exempt  # so that a wrong method is refused as one; `csrf_protect` is what protects
@require_POST
@csrf_protect
def access_token(request: HttpRequest) -> HttpResponse:
    """Return an access token of the login that the cookie shows; 401 without one.

    Django has checked the form token: no other site can ask. It stays in the script's memory. The
    call counts by the person's limits, as those of private pages do.
    """
    key = request.session.session_key
    token = None
    if key and request.user.is_authenticated:
        try:
            count_call(request, "default")
        except RateLimited as refusal:
            return _refused(request, refusal)
        token = sessions.page_access_token(
            session_key=key, user_id=request.user.pk, now=clock.now()
        )
    response: HttpResponse
    if token is None:
        response = problem.refused(request, "not_authenticated")
    else:
        response = JsonResponse(
            {"access_token": token, "expires_in": settings.ACCESS_TOKEN_SECONDS}
        )
        page_sessions.renew(request, response)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _refused(request: HttpRequest, refusal: RateLimited) -> HttpResponse:
    said = refused_by(refusal, request)
    assert said is not None
    response = problem.response(said.body)
    for name, value in {**said.headers, "Cache-Control": "private, no-store"}.items():
        response.headers[name] = value
    return response
