"""What a signed token is believed for, and what it is not."""

import base64
import contextlib
import hashlib
import hmac
import json
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from kernel.signing import jwks, keyring, keyring_file
from kernel.signing.jwt import JwtExpired, JwtInvalid, read_jwt, sign_jwt, verify_jwt
from kernel.text import base64url
from tests.support.signing import AUDIENCE, NOW, claims, ring_in, signing_key


@pytest.fixture
def path(tmp_path, settings):
    with ring_in(tmp_path / "keys.json", settings) as path:
        yield path


def encoded(header, payload, signature=b""):
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def public_pem(use):
    public = signing_key(use).public
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def own_claims(**changes):
    return {"iss": "frontrow", **claims(**changes)}


def signed_with_public_key_as_secret(use):
    """The classic confusion: HS256 with the bytes everybody can read."""
    header = {"alg": "HS256", "typ": "JWT", "kid": signing_key(use).kid}
    unsigned = encoded(header, own_claims()).rpartition(".")[0]
    digest = hmac.new(public_pem(use), unsigned.encode(), hashlib.sha256).digest()
    return unsigned + "." + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def signed(use, payload, *, header=None, key=None, algorithm=None):
    return jwt.encode(
        payload,
        key or signing_key(use).private,
        algorithm=algorithm or keyring.ALGORITHMS[use],
        headers={"kid": signing_key(use).kid} if header is None else header,
    )


FORGERIES = {
    "alg none": lambda use: encoded({"alg": "none", "kid": signing_key(use).kid}, own_claims()),
    "alg None in capitals": lambda use: encoded(
        {"alg": "NONE", "kid": signing_key(use).kid}, own_claims()
    ),
    "key confusion": signed_with_public_key_as_secret,
    "another RSA key under our kid": lambda use: signed(
        use, own_claims(), key=generate_private_key(65537, 2048), algorithm="RS256"
    ),
    "another Ed25519 key under our kid": lambda use: signed(
        use, own_claims(), key=Ed25519PrivateKey.generate(), algorithm="EdDSA"
    ),
    "unknown kid": lambda use: signed(use, own_claims(), header={"kid": "nobody"}),
    "no kid": lambda use: signed(use, own_claims(), header={}),
    "kid that is a number": lambda use: encoded({"alg": "RS256", "kid": 7}, own_claims()),
    "kid that is a list": lambda use: encoded({"alg": "RS256", "kid": ["a"]}, own_claims()),
    "kid that is a path": lambda use: signed(use, own_claims(), header={"kid": "../../etc"}),
    "key in the header": lambda use: signed(
        use,
        own_claims(),
        key=Ed25519PrivateKey.generate(),
        algorithm="EdDSA",
        header={"jwk": {"kty": "OKP"}, "kid": "mine"},
    ),
    "other audience": lambda use: sign_jwt(use, claims(aud="frontrow:other")),
    "audience left out": lambda use: signed(
        use, {k: v for k, v in own_claims().items() if k != "aud"}
    ),
    "other issuer": lambda use: sign_jwt(use, claims(iss="elsewhere")),
    "issuer left out": lambda use: signed(use, claims()),
    "never expires": lambda use: signed(use, {k: v for k, v in own_claims().items() if k != "exp"}),
    "exp is a text": lambda use: encoded(
        {"alg": "RS256", "kid": signing_key(use).kid}, own_claims(exp="soon")
    ),
    "empty": lambda use: "",
    "one dot": lambda use: "a.b",
    "dots only": lambda use: "..",
    "not base64": lambda use: "%%%.%%%.%%%",
    "not ASCII": lambda use: "한국.어.토큰",
    "header is a list": lambda use: encoded([], own_claims()),
    "payload is a list": lambda use: signed_payload(use, b"[]"),
    "payload isn't JSON": lambda use: signed_payload(use, b"\xff\xfe"),
    "deep nesting": lambda use: signed_payload(use, b"[" * 900),
    "signature cut off": lambda use: sign_jwt(use, claims()).rpartition(".")[0] + ".",
    "too long": lambda use: sign_jwt(use, claims(filler="x" * 5000)),
    "a megabyte": lambda use: "a" * 1_000_000,
}


def signed_payload(use, payload):
    return jwt.api_jws.encode(
        payload,
        signing_key(use).private,
        algorithm=keyring.ALGORITHMS[use],
        headers={"kid": signing_key(use).kid},
    )


@pytest.mark.parametrize("use", keyring.USES)
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_invalid(path, use, forgery):
    with pytest.raises(JwtInvalid):
        verify_jwt(use, FORGERIES[forgery](use), audience=AUDIENCE, now=NOW)


@pytest.mark.parametrize("use", keyring.USES)
def test_our_own_token_is_believed_until_it_expires(path, use):
    token = sign_jwt(use, claims())
    assert verify_jwt(use, token, audience=AUDIENCE, now=NOW)["sub"] == "someone"
    with pytest.raises(JwtExpired):
        verify_jwt(use, token, audience=AUDIENCE, now=NOW + timedelta(seconds=60))


@pytest.mark.parametrize("use", ["access", "queue"])
def test_a_known_token_is_judged_again_each_time(path, use):
    token = sign_jwt(use, claims())
    first = verify_jwt(use, token, audience=AUDIENCE, now=NOW)
    first["sub"] = "somebody else"
    assert verify_jwt(use, token, audience=AUDIENCE, now=NOW)["sub"] == "someone"
    with pytest.raises(JwtExpired):
        verify_jwt(use, token, audience=AUDIENCE, now=NOW + timedelta(seconds=60))
    with pytest.raises(JwtInvalid):
        verify_jwt(use, token, audience="frontrow:other", now=NOW)
    with pytest.raises(JwtInvalid):
        verify_jwt("proof", token, audience=AUDIENCE, now=NOW)


def test_a_known_token_is_not_decoded_again(path, monkeypatch):
    token = sign_jwt("access", claims())
    verify_jwt("access", token, audience=AUDIENCE, now=NOW)
    monkeypatch.setattr("kernel.signing.jwt._proven_claims", None)
    verify_jwt("access", token, audience=AUDIENCE, now=NOW)


def test_a_new_ring_forgets_the_tokens_that_the_old_one_believed(path):
    token = sign_jwt("access", claims())
    verify_jwt("access", token, audience=AUDIENCE, now=NOW)
    for _ in range(2):
        keyring_file.rotate(path, "access", now=NOW)
    keyring.forget_ring()
    with pytest.raises(JwtInvalid):
        verify_jwt("access", token, audience=AUDIENCE, now=NOW)


def test_what_one_reader_made_of_a_token_is_not_given_to_another(path):
    token = sign_jwt("access", claims())
    for read in (str, dict, sorted, str):
        made = read_jwt("access", token, audiences=(AUDIENCE,), read=read, now=NOW)
        assert made == read(own_claims())


@pytest.mark.parametrize("error", [KeyError, TypeError, ValueError, AttributeError])
def test_claims_that_cannot_be_read_make_the_token_invalid(path, error):
    def read(_claims):
        raise error("no")

    with pytest.raises(JwtInvalid):
        read_jwt("queue", sign_jwt("queue", claims()), audiences=(AUDIENCE,), read=read, now=NOW)


@pytest.mark.parametrize("use", keyring.PUBLIC_USES)
def test_others_verify_our_tokens_by_the_published_keys(path, use):
    token = sign_jwt(use, claims())
    published = jwt.PyJWKSet.from_dict(jwks.public_jwks())
    key = published[jwt.get_unverified_header(token)["kid"]]
    seen = jwt.decode(token, key, audience=AUDIENCE, options={"verify_exp": False})
    assert seen == own_claims()
    assert jwt.get_unverified_header(token)["alg"] == keyring.ALGORITHMS[use]


def test_a_header_written_otherwise_is_not_ours_by_any_signature(path):
    key = signing_key("access")
    for header in (
        {"kid": key.kid, "typ": "JWT", "alg": "RS256"},
        {"alg": "RS256", "kid": key.kid},
        {"alg": "RS256", "kid": key.kid, "typ": "JWT", "crit": []},
    ):
        unsigned = encoded(header, own_claims()).rpartition(".")[0]
        signature = base64.urlsafe_b64encode(key.sign(unsigned.encode())).rstrip(b"=").decode()
        with pytest.raises(JwtInvalid):
            verify_jwt("access", f"{unsigned}.{signature}", audience=AUDIENCE, now=NOW)


@pytest.mark.parametrize("signed_for", keyring.USES)
@pytest.mark.parametrize("used_as", keyring.USES)
def test_a_key_of_one_use_verifies_no_other(path, signed_for, used_as):
    token = sign_jwt(signed_for, claims())
    if signed_for == used_as:
        assert verify_jwt(used_as, token, audience=AUDIENCE, now=NOW)
    else:
        with pytest.raises(JwtInvalid):
            verify_jwt(used_as, token, audience=AUDIENCE, now=NOW)


def test_a_changed_byte_anywhere_in_the_payload_or_signature_is_invalid(path):
    token = sign_jwt("queue", claims())
    for position in range(token.index(".") + 1, len(token) - 1):
        if token[position] == ".":
            continue
        changed = "A" if token[position] != "A" else "B"
        with pytest.raises(JwtInvalid):
            verify_jwt(
                "queue",
                token[:position] + changed + token[position + 1 :],
                audience=AUDIENCE,
                now=NOW,
            )


def spellings_of(token):
    """Yield other texts that a lenient decoder takes for the same bytes."""
    head, _, signature = token.rpartition(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(signature[-1])
    for spare in range(1, 4 if len(signature) % 4 == 3 else 16):
        yield f"{head}.{signature[:-1]}{alphabet[last ^ spare]}"
    for added in ("=", "==", "A", "\n", " ", "\0", "~", "."):
        yield token + added
        yield added + token
        yield f"{head}{added}.{signature}"


@pytest.mark.parametrize("use", keyring.USES)
def test_a_token_has_one_spelling(path, use):
    token = sign_jwt(use, claims())
    assert verify_jwt(use, token, audience=AUDIENCE, now=NOW)["sub"] == "someone"
    for other in spellings_of(token):
        with pytest.raises(JwtInvalid):
            verify_jwt(use, other, audience=AUDIENCE, now=NOW)


@pytest.mark.control
def test_control_a_lenient_decoder_takes_other_spellings(path, monkeypatch):
    lenient = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))  # noqa: E731
    monkeypatch.setattr(base64url, "decode", lenient)
    token = sign_jwt("queue", claims())
    taken = 0
    for other in spellings_of(token):
        with contextlib.suppress(JwtInvalid):
            verify_jwt("queue", other, audience=AUDIENCE, now=NOW)
            taken += 1
    assert taken


@given(st.binary(max_size=70))
def test_base64url_is_read_back_and_written_one_way(data):
    text = base64url.encode(data)
    assert base64url.decode(text) == data
    for other in (text + "=", text + "A" * 4, text + "\n", "é"):
        assert _decoded(other) != data


def _decoded(text):
    try:
        return base64url.decode(text)
    except ValueError:
        return None
