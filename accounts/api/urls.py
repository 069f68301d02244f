"""URLs of django-allauth's login API, with our own views for some calls.

Of its second factor only the two calls that take a code are here: it is set up on pages. Of sign-in
providers there is none: they are the pages' alone.
The specification that is served leaves out the others.
"""

from allauth.headless.constants import Client
from allauth.headless.urls import build_urlpatterns
from django.urls import URLPattern, URLResolver, include, path

from accounts.api import views

app_name = "headless"

_ON_PAGES_ALONE = ("mfa", "socialaccount")
_ours = [
    path("auth/signup", views.SignupView.as_api_view(client=Client.APP), name="signup"),
    path(
        "auth/password/request",
        views.RequestPasswordResetView.as_api_view(client=Client.APP),
        name="request_password_reset",
    ),
    path(
        "auth/password/reset",
        views.ResetPasswordView.as_api_view(client=Client.APP),
        name="reset_password",
    ),
    path(
        "account/email", views.ManageEmailView.as_api_view(client=Client.APP), name="manage_email"
    ),
    path(
        "auth/2fa/authenticate",
        views.AuthenticateView.as_api_view(client=Client.APP),
        name="authenticate",
    ),
    path(
        "auth/2fa/reauthenticate",
        views.ReauthenticateView.as_api_view(client=Client.APP),
        name="reauthenticate_by_code",
    ),
]


def _theirs() -> list[URLPattern | URLResolver]:
    (first_version,) = build_urlpatterns(Client.APP)
    return [
        pattern
        for pattern in first_version.url_patterns
        if getattr(pattern, "namespace", None) not in _ON_PAGES_ALONE
    ]


urlpatterns = [
    path("app/v1/", include(([*_ours, *_theirs()], "headless"), namespace="app")),
    path("", include("allauth.headless.spec.urls")),
]
