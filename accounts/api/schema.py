"""The security schemes of access tokens and API keys in the OpenAPI document."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class JWTScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its registration
    """`Authorization: Bearer`, as JWTAuthentication reads it."""

    target_class = "accounts.api.authentication.JWTAuthentication"
    name = "accessToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The access token that sign-up, login and refresh under "
            "`/_allauth/app/v1/` return in `meta`.",
        }


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # as above
    """`Authorization: Api-Key`, as ApiKeyAuthentication reads it."""

    target_class = "accounts.api.machines.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Api-Key <key>`: a machine's key, made in the admin, with scopes.",
        }
