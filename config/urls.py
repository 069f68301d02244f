"""The URLs of the site, one line an app."""

from allauth.headless.spec.views import OpenAPIHTMLView
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView

from accounts.api import documents as login_api
from kernel.docs import views
from kernel.http.jwks import jwks
from kernel.http.media import media
from kernel.http.methods import safe_only
from kernel.http.static_documents import once
from kernel.http.stored_files import stored_file
from payments.api.bridge import bridge
from storefront.views.token import access_token

_SCHEMA_FORMS = (
    "application/vnd.oai.openapi",
    "application/yaml",
    "application/vnd.oai.openapi+json",
    "application/json",
)

urlpatterns = [
    path("", include("kernel.http.operator_urls")),
    path("admin/", include("accounts.admin_urls")),
    path("admin/", admin.site.urls),
    path("_allauth/openapi.yaml", once(login_api.as_yaml, localized=False)),
    path("_allauth/openapi.json", once(login_api.as_json, localized=False)),
    path("_allauth/openapi.html", once(OpenAPIHTMLView.as_view())),
    path("_allauth/", include("accounts.api.urls")),
    path(".well-known/jwks.json", jwks, name="jwks"),
    path("api/v1/", include("catalogue.api.urls")),
    path("api/v1/", include("queueing.api.urls")),
    path("api/v1/", include("personal.api.urls")),
    path("api/v1/", include("points.api.urls")),
    path("api/v1/", include("payments.api.urls")),
    path("api/v1/", include("proof.api.urls")),
    path("api/v1/", include("reservations.api.urls")),
    path("api/v1/", include("tickets.api.urls")),
    path("api/v1/", include("webhooks.api.urls")),
    path("payments/bridge/<str:link>/", safe_only(bridge), name="payment-bridge"),
    path("media/<path:name>", media, name="media"),
    path("files/<str:token>", stored_file, name="stored-file"),
    path("docs/errors", once(views.errors), name="errors"),
    path("docs/events/<str:event_type>.json", once(views.event_schema), name="event_schema"),
    path(
        "api/schema/",
        once(SpectacularAPIView.as_view(), forms=_SCHEMA_FORMS, localized=False),
        name="schema",
    ),
    path("api/docs/", once(views.SwaggerPageView.as_view()), name="docs"),
    path("api/docs/script.js", once(views.SwaggerScriptView.as_view())),
    path("api/redoc/", once(SpectacularRedocView.as_view(url_name="schema")), name="redoc"),
    path("door/performances/<uuid:performance_id>/", include("boxoffice.door.document_urls")),
    path("account/token/", access_token, name="account-token"),
    # The pages of fans, of staff and of the door, under /ko/ and /en/.
    *i18n_patterns(
        path("staff/", include("boxoffice.urls")),
        path("door/", include("boxoffice.door.urls")),
        path("account/", include("storefront.account_urls")),
        path("", include("storefront.urls")),
    ),
]

handler400 = "kernel.http.problem.bad_request"
handler403 = "kernel.http.problem.forbidden"
handler404 = "kernel.http.problem.not_found"
handler429 = "storefront.error_pages.too_many"
handler500 = "kernel.http.exception_handler.server_error"
