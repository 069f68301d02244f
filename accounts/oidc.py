"""The OpenID Connect provider as django-allauth knows it, with our calls and our judgement.

allauth keeps the state of a sign-in, sends the browser on and takes it back (PKCE, `state`). Its
nonce, the ID token's signature and whose the userinfo is are ours: it checks none of them.
"""

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Client
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from allauth.utils import build_absolute_uri
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts import email_addresses, id_tokens
from accounts.oidc_calls import ProviderHttp, SignInFailed, provider_http

CALLBACK = "account-provider-callback"  # the page's name


class TokenClient(OAuth2Client):
    """Trades a code, in time and without a word of secrets."""

    def get_access_token(
        self, code: str, pkce_code_verifier: str | None = None, extra_data: Any = None
    ) -> Mapping[str, Any]:
        if not pkce_code_verifier:
            raise SignInFailed("failed", "a start without PKCE")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback_url,
            "code_verifier": pkce_code_verifier,
        }
        return connections().trade(
            form, client_id=self.consumer_key, secret=self.consumer_secret, basic=self.basic_auth
        )


class Endpoints(OpenIDConnectOAuth2Adapter):
    """What the provider publishes, and who came back from it."""

    client_class = TokenClient
    state: Mapping[str, Any] = {}

    @property
    def openid_config(self) -> Mapping[str, Any]:
        return connections().endpoints()

    @property
    def basic_auth(self) -> bool:
        """Say how we name ourselves at the token endpoint; by OIDC's default where none is said."""
        methods = self.openid_config.get("token_endpoint_auth_methods_supported")
        return "client_secret_post" not in (methods or ["client_secret_basic"])

    @property
    def authorize_url(self) -> str:
        """Return where the browser is sent: an origin that our pages' policy lets a form lead to.

        Raises `SignInFailed`.
        """
        url: str = self.openid_config["authorization_endpoint"]
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" not in configured()["origins"]:
            raise SignInFailed("unavailable", "OIDC_PAGE_ORIGINS lacks the authorization endpoint")
        return url

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Return where the provider sends the browser back: the page in the present language."""
        url: str = build_absolute_uri(request, reverse(CALLBACK))
        return url

    def parse_token(self, data: Mapping[str, Any]) -> SocialToken:
        """Return no token: what follows may be kept in a session for a while."""
        return SocialToken(token="")

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        """Return who came, by an ID token that is good. Raises `SignInFailed`."""
        traded: Mapping[str, Any] = kwargs["response"]
        claims = id_tokens.claims_of(
            traded.get("id_token"),
            issuer=self.openid_config["issuer"],
            client_id=app.client_id,
            nonce=str(self.state.get("nonce") or ""),
            keys=connections().keys,
        )
        said: Mapping[str, Any] = claims
        if "email_verified" not in claims and "userinfo_endpoint" in self.openid_config:
            said = connections().userinfo(str(traded.get("access_token", "")))
            # Core 1.0, 5.3.2: userinfo of another person is possible, and must not be used.
            if not hmac.compare_digest(str(said.get("sub")).encode(), claims["sub"].encode()):
                raise SignInFailed("failed", "userinfo is of another person")
        who = {"sub": claims["sub"], "email": _verified_email(said)}
        login: SocialLogin = self.get_provider().sociallogin_from_response(request, who)
        return login


def _verified_email(said: Mapping[str, Any]) -> str:
    """Return the address that the provider has verified, in its one spelling; "" for none."""
    if said.get("email_verified") not in (True, "true"):  # some send texts
        return ""
    try:
        return email_addresses.normalize(str(said.get("email") or ""))
    except email_addresses.EmailAddressInvalid:
        return ""


class Provider(OpenIDConnectProvider):
    """The provider; it keeps nothing of a person but `sub` and the verified address."""

    oauth2_adapter_class = Endpoints
    pkce_enabled_default = True
    supports_token_authentication = False  # else the app API would say that it takes its tokens

    def extract_uid(self, data: Mapping[str, Any]) -> str:
        uid: str = data["sub"]
        return uid

    def extract_extra_data(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"email": data["email"]} if data["email"] else {}

    def extract_common_fields(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def extract_email_addresses(self, data: Mapping[str, Any]) -> list[EmailAddress]:
        email = data["email"]
        return [EmailAddress(email=email, verified=True, primary=True)] if email else []


class CallbackView(OAuth2CallbackView):
    """The way back, which also hands the start's nonce to who judges the ID token."""

    def _get_state(self, request: HttpRequest, provider: Provider) -> tuple[Any, Any]:
        state, response = super()._get_state(request, provider)
        self.adapter.state = state or {}
        return state, response


def configured() -> dict[str, Any]:
    """Return the provider that is set; callers know that one is."""
    found: dict[str, Any] | None = settings.OIDC_PROVIDER
    assert found is not None
    return found


def connections() -> ProviderHttp:
    """Return the connections to the provider that is set."""
    return provider_http(configured()["server_url"])
