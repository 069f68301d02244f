"""The public keys, for everybody who verifies what we sign."""

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from kernel import keys
from kernel.api.methods import safe_only
from kernel.api.rendered import Rendered, keep_at, rendered_of
from kernel.jwks import public_jwks

_known: tuple[keys.KeyRing, Rendered] | None = None


@safe_only
def jwks(request: HttpRequest) -> HttpResponseBase:
    """Answer the JWK set (RFC 7517); a verifier may keep it five minutes.

    Rendered once for each key ring (Note [Rendered once]).
    """
    global _known  # noqa: PLW0603  (one document a process)
    ring, known = keys.ring(), _known
    if known is None or known[0] is not ring:
        made = JsonResponse(
            public_jwks(),
            content_type="application/jwk-set+json",
            headers={"Access-Control-Allow-Origin": "*"},
        )
        known = _known = (ring, rendered_of(made))
    keep_at(request, known[1], lambda: keys.ring() is ring)
    return known[1].answer(request)
