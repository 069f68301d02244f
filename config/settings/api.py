"""The settings of DRF and the OpenAPI document."""

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["kernel.rate_limiting.throttle.RouteThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["kernel.http.rendering.Renderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "kernel.http.rendering.Negotiation",
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_PARSER_CLASSES": ["kernel.http.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "kernel.http.pagination.NewestFirst",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "kernel.http.exception_handler.handle",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Frontrow",
    "DESCRIPTION": "Concert on-sales: waiting room, seat map, holds, payment and tickets.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "PaymentStatusEnum": "payments.api.serializers.STATUSES",
        "TicketStatusEnum": "tickets.api.serializers.STATUSES",
        "WebhookDeliveryStatusEnum": "webhooks.api.serializers.DELIVERY_STATUSES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "kernel.docs.openapi.describe_refusals",
    ],
}

# Whether a process of the API renders its documents while it starts (config/warm_up.py).
RENDER_DOCUMENTS_AT_START = True
