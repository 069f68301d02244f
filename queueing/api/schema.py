"""The security scheme of the join token in the OpenAPI document."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class JoinTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its registration
    """`X-Queue-Token`, as JoinTokenAuthentication reads it."""

    target_class = "queueing.api.authentication.JoinTokenAuthentication"
    name = "joinToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "X-Queue-Token",
            "description": "The join token of one's place, instead of a login: `Authorization` is "
            "left out. A pass is no such token.",
        }
