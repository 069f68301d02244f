"""Nobody gets in by a token that is not ours, whatever it looks like."""

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import jwt
import pytest

from accounts.models import User
from kernel import clock
from kernel.signing import jwks
from kernel.signing.jwt import sign_jwt
from tests.support.hostile import SECURED, Caller, Operation, code_of, token_of

each = pytest.mark.parametrize


def _part(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _hs256(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """Sign by hand: PyJWT refuses to make what an attacker would."""
    text = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
    return f"{text}.{_part(hmac.digest(secret, text.encode(), 'sha256'))}"


def _forged(fan: User) -> dict[str, str]:
    now = clock.now()
    good = token_of(fan)
    header, payload, signature = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    public = json.dumps(jwks.public_jwks()).encode()
    unsigned = _part(b'{"alg":"none","typ":"JWT"}')
    staff = _part(json.dumps(claims | {"is_staff": True}).encode())
    return {
        "garbage": "garbage",
        "two dots": "..",
        "empty": "",
        "spaces": "a b c",
        "not base64": "!!!.!!!.!!!",
        "header is no object": f"{_part(b'[1]')}.{payload}.{signature}",
        "endless": "a." * 60_000,
        "not ASCII": "é" * 20,
        "algorithm none": f"{unsigned}.{payload}.",
        "signature cut": f"{header}.{payload}.",
        "claims changed": f"{header}.{staff}.{signature}",
        "public key as secret": _hs256({"alg": "HS256", "kid": kid}, claims, public),
        "unknown key": _hs256({"alg": "HS256", "kid": "nobody"}, claims, b"x" * 64),
        "kid is a path": _hs256({"alg": "RS256", "kid": "../x"}, claims, b"x" * 64),
        "kid is no text": _hs256({"alg": "RS256", "kid": {}}, claims, b"x" * 64),
        "names its own key": _hs256({"alg": "HS256", "jwk": {"kty": "oct"}}, claims, b""),
        "expired": token_of(fan, now=now - timedelta(hours=1)),
        "of another use": sign_jwt("queue", claims),
        "for another audience": sign_jwt("access", claims | {"aud": "somebody"}),
        "of another issuer": sign_jwt("access", claims | {"iss": "somebody"}),
        "without a subject": sign_jwt(
            "access", {name: value for name, value in claims.items() if name != "sub"}
        ),
        "subject is no id": sign_jwt("access", claims | {"sub": "1"}),
        "groups are no list": sign_jwt("access", claims | {"groups": 7}),
    }


@each("operation", SECURED, ids=str)
def test_nobody_is_asked_to_log_in(operation: Operation, nobody: Caller):
    answer = nobody.send(operation.method, operation.url(), b"not even JSON")
    assert code_of(answer) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for scheme in ("Basic YTpi", "Digest x", "Bearer", "bearer ", "Api-Key x", "\x7f"):
        answer = nobody.send(
            operation.method, operation.url(), b"{}", headers={"Authorization": scheme}
        )
        assert answer.status_code == 401, scheme


@each("operation", SECURED, ids=str)
def test_a_token_that_is_not_ours_is_refused(operation: Operation, fan: User, nobody: Caller):
    for name, token in _forged(fan).items():
        answer = nobody.send(
            operation.method,
            operation.url(),
            b"{}",
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 401, name
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        wanted = {"token_expired"} if name == "expired" else {"token_invalid", "not_authenticated"}
        assert json.loads(answer.content)["code"] in wanted, name
