"""The public keys, for everybody who verifies what we sign."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from kernel.jwks import public_jwks


@require_safe
def jwks(request: HttpRequest) -> JsonResponse:
    """Answer the JWK set (RFC 7517); a verifier may keep it five minutes."""
    return JsonResponse(
        public_jwks(),
        content_type="application/jwk-set+json",
        headers={"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"},
    )
