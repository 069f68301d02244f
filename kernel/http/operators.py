"""The operators' views, /healthz/* and /metrics: outside the API and its authentication."""

from secrets import compare_digest

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_LATEST

from kernel.http.methods import safe_only
from kernel.telemetry import exposition
from kernel.telemetry.health import health


def _may_see(request: HttpRequest) -> bool:
    """Say whether the caller has the operators' token, or (outside production) needs none."""
    if not settings.OPS_TOKEN_REQUIRED:
        return True
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    # Where no token is configured, nobody may see them.
    return bool(settings.OPS_TOKEN) and compare_digest(shown.encode(), settings.OPS_TOKEN.encode())


@safe_only
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """Say that this process serves requests."""
    return JsonResponse({"status": "ok"})


@safe_only
@never_cache
def startup(request: HttpRequest) -> HttpResponse:
    """Say whether the database fits this code: 503 until every migration is applied."""
    started = health.has_started()
    return JsonResponse({"status": "ok" if started else "starting"}, status=200 if started else 503)


@safe_only
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Say whether to send requests here; operators also see every dependency."""
    report = health.report()
    body: dict[str, object] = {"status": "ok" if report.ready else "unavailable"}
    if _may_see(request):
        body["reason"] = report.reason
        body["parts"] = {
            name: {"state": one.state, "detail": one.detail}
            for name, one in report.dependencies.items()
        }
    return JsonResponse(body, status=200 if report.ready else 503)


@safe_only
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics of all API processes and the state of the system."""
    if not _may_see(request):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(exposition.render(), content_type=CONTENT_TYPE_LATEST)
