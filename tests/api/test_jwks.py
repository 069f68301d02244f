"""The public keys, as a verifier elsewhere uses them."""

import jwt
from django.test import Client

from accounts.tokens import ACCESS_AUDIENCE, issue_access_token
from kernel import clock
from kernel.ids import uuid7


def test_a_stranger_can_verify_an_access_token_with_what_is_published():
    answer = Client().get("/.well-known/jwks.json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    token = issue_access_token(
        user_id=uuid7(), session_id="s", is_staff=False, groups=[], now=clock.now()
    )
    published = jwt.PyJWKSet.from_dict(answer.json())
    key = published[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token, key.key, algorithms=["RS256"], audience=ACCESS_AUDIENCE, issuer="frontrow"
    )
    assert claims["sid"] == "s"


def test_only_reading_is_allowed():
    assert Client().post("/.well-known/jwks.json").status_code == 405
