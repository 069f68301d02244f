"""The view of the public keys (RFC 7517)."""

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from kernel.http.methods import safe_only
from kernel.http.static_documents import StaticDocument, keep_at, static_document_of
from kernel.signing import keyring
from kernel.signing.jwks import public_jwks

_known: tuple[keyring.KeyRing, StaticDocument] | None = None


@safe_only
def jwks(request: HttpRequest) -> HttpResponseBase:
    """Return the JWK set; a verifier may keep it five minutes.

    Rendered once for each key ring (Note [Rendered once]).
    """
    global _known  # noqa: PLW0603  (one document a process)
    ring, known = keyring.ring(), _known
    if known is None or known[0] is not ring:
        made = JsonResponse(
            public_jwks(),
            content_type="application/jwk-set+json",
            headers={"Access-Control-Allow-Origin": "*"},
        )
        known = _known = (ring, static_document_of(made))
    keep_at(request, known[1], lambda: keyring.ring() is ring)
    return known[1].response_to(request)
