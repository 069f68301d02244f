"""Join tokens and passes: what is believed, and what is not."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from accounts.tokens import issue_access_token
from kernel import clock
from kernel.ids import uuid7
from kernel.signing import keyring
from kernel.signing.jwt import sign_jwt
from queueing import policy, tokens
from queueing.errors import QueueTokenExpired, QueueTokenInvalid
from queueing.tokens import Audience

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
USER, PERFORMANCE = uuid7(), uuid7()
PLACE = {"user_id": USER, "performance_id": PERFORMANCE, "number": 7, "epoch": 2, "joined_ms": 5}
UNTIL = NOW + timedelta(minutes=10)


def verify(token, *, user_id=USER, performance_id=PERFORMANCE, now=NOW):
    return tokens.verify(token, user_id=user_id, performance_id=performance_id, now=now)


def join_token() -> str:
    return tokens.sign_token(**PLACE, now=NOW)


def admission_pass() -> str:
    return tokens.sign_pass(**PLACE, admitted_until=UNTIL, now=NOW)


def claims_of(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False})


def signed(claims: dict, *, key, algorithm: str, kid: str | None = None) -> str:
    headers = {"kid": kid or keyring.ring().signing["queue"].kid}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def with_payload_of(token: str, other: str) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{other.split('.')[1]}.{signature}"


def test_a_token_proves_its_number():
    proof = verify(join_token())
    assert (proof.audience, proof.number, proof.epoch, proof.until_ms) == (Audience.TOKEN, 7, 2, 0)


def test_a_pass_proves_its_session():
    proof = verify(admission_pass())
    assert proof.audience is Audience.PASS
    assert proof.until_ms == int(UNTIL.timestamp() * 1000)


FORGERIES = {
    "unsigned": lambda: signed(claims_of(admission_pass()), key=None, algorithm="none"),
    "signed with a key of one's own": lambda: signed(
        claims_of(admission_pass()), key=Ed25519PrivateKey.generate(), algorithm="EdDSA"
    ),
    "HMAC with the public key as secret": lambda: signed(
        claims_of(admission_pass()),
        key=keyring.ring()
        .signing["queue"]
        .public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        .hex(),
        algorithm="HS256",
    ),
    "our key of another use": lambda: sign_jwt("ticket", claims_of(admission_pass())),
    "our key of another use under this use's kid": lambda: signed(
        claims_of(admission_pass()),
        key=keyring.ring().signing["ticket"].private,
        algorithm="EdDSA",
    ),
    "unknown kid": lambda: signed(
        claims_of(admission_pass()),
        key=keyring.ring().signing["queue"].private,
        algorithm="EdDSA",
        kid="unknown",
    ),
    "a login token": lambda: issue_access_token(
        user_id=USER, session_id="s", is_staff=False, groups=[], now=NOW
    ),
    "a login token's key under a queue audience": lambda: sign_jwt(
        "access", claims_of(admission_pass())
    ),
    "another audience": lambda: sign_jwt(
        "queue", claims_of(admission_pass()) | {"aud": "frontrow-api"}
    ),
    "both audiences": lambda: sign_jwt(
        "queue", claims_of(admission_pass()) | {"aud": [a.value for a in Audience]}
    ),
    "another issuer": lambda: sign_jwt("queue", claims_of(admission_pass()) | {"iss": "somebody"}),
    "a token dressed as a pass": lambda: sign_jwt(
        "queue", claims_of(join_token()) | {"aud": Audience.PASS.value}
    ),
    "a token with a pass's payload": lambda: with_payload_of(join_token(), admission_pass()),
    "no number": lambda: sign_jwt(
        "queue", {k: v for k, v in claims_of(join_token()).items() if k != "number"}
    ),
    "cut short": lambda: join_token()[:-10],
    "empty": lambda: "",
    "too long": lambda: join_token() + "A" * 4096,
    "payload is a list": lambda: "e30.W10.c2ln",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_forgeries_are_refused(forge):
    with pytest.raises(QueueTokenInvalid):
        verify(forge())


@pytest.mark.parametrize("make", [join_token, admission_pass])
def test_tokens_cannot_be_given_away_or_taken_elsewhere(make):
    with pytest.raises(QueueTokenInvalid):
        verify(make(), user_id=uuid7())
    with pytest.raises(QueueTokenInvalid):
        verify(make(), performance_id=uuid7())


@pytest.mark.parametrize(
    ("make", "end"),
    [
        (join_token, NOW + timedelta(seconds=policy.TOKEN_SECONDS)),
        (admission_pass, UNTIL),
    ],
)
def test_they_end(make, end):
    assert verify(make(), now=end - timedelta(seconds=1))
    with pytest.raises(QueueTokenExpired):
        verify(make(), now=end)


@pytest.mark.parametrize("beyond_the_second", [0, 1, 500, 999])
def test_a_pass_is_good_to_the_millisecond_of_admitted_until(beyond_the_second):
    until = UNTIL + timedelta(milliseconds=beyond_the_second)
    token = tokens.sign_pass(**PLACE, admitted_until=until, now=NOW)
    assert verify(token, now=until - timedelta(milliseconds=1)).until_ms == clock.to_ms(until)
    with pytest.raises(QueueTokenExpired):
        verify(token, now=until)


def test_who_judges_a_pass_by_its_exp_alone_never_ends_it_early():
    until = UNTIL + timedelta(milliseconds=1)
    claims = claims_of(tokens.sign_pass(**PLACE, admitted_until=until, now=NOW))
    assert claims["exp"] == int(UNTIL.timestamp()) + 1
