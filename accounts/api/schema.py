"""The security scheme of the access token in the OpenAPI document."""

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
