"""Join tokens and passes: what is believed, and what is not."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.tokens import issue_access_token
from kernel import clock
from kernel.ids import uuid7
from kernel.signing import keyring
from kernel.signing.jwt import sign_jwt
from kernel.signing.mac import write_token, writing_key
from queueing import policy, tokens
from queueing.errors import InvitationInvalid, QueueTokenExpired, QueueTokenInvalid
from queueing.tokens import Audience, Proof
from tests.support.signing import ring_in, take_mac_keys

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
USER, PERFORMANCE = uuid7(), uuid7()
PLACE = {"user_id": USER, "performance_id": PERFORMANCE, "number": 7, "epoch": 2, "joined_ms": 5}
UNTIL = NOW + timedelta(minutes=10)


@pytest.fixture
def ring_path(tmp_path, settings):
    with ring_in(tmp_path / "keys.json", settings) as path:
        yield path


@pytest.fixture
def jwt_form(ring_path):
    """Let the ring be one of the release before, whose tokens are JWTs."""
    take_mac_keys(ring_path)


@pytest.fixture(params=["MAC", "JWT"])
def each_form(request):
    request.getfixturevalue("ring_path" if request.param == "MAC" else "jwt_form")


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


@pytest.mark.usefixtures("each_form")
def test_a_token_proves_its_number():
    proof = verify(join_token())
    assert (proof.audience, proof.number, proof.epoch, proof.until_ms) == (Audience.TOKEN, 7, 2, 0)


@pytest.mark.usefixtures("each_form")
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


@pytest.mark.usefixtures("jwt_form")
@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_forgeries_are_refused(forge):
    with pytest.raises(QueueTokenInvalid):
        verify(forge())


def members_of(token: str) -> list[str]:
    """Return the text of a token under a MAC: letter, user, number, epoch, until, joined, exp."""
    return token.split(".")[1:-1]


def under_a_mac(*members: object, bound_to=PERFORMANCE) -> str:
    """Return what only a holder of the secret can write."""
    return write_token(writing_key("place"), ".".join(map(str, members)), bound_to=bound_to)


def changed(make, index: int, value: object) -> str:
    """Return a token of ours with one segment changed and its MAC kept."""
    segments = make().split(".")
    segments[index] = str(value)
    return ".".join(segments)


def invitation() -> str:
    return tokens.sign_invitation(
        invitation_id=uuid7(), performance_id=PERFORMANCE, expires_at=UNTIL
    )


MAC_FORGERIES = {
    "a token dressed as a pass": lambda: changed(join_token, 1, "p"),
    "a pass dressed as a token": lambda: changed(admission_pass, 1, "t"),
    "another user": lambda: changed(join_token, 2, uuid7().hex),
    "a better number": lambda: changed(join_token, 3, 1),
    "a later epoch": lambda: changed(join_token, 4, 3),
    "a longer session": lambda: changed(admission_pass, 5, clock.to_ms(UNTIL) + 1),
    "a later place": lambda: changed(admission_pass, 6, 6),
    "a later expiry": lambda: changed(admission_pass, 7, int(UNTIL.timestamp()) + 1),
    "no MAC": lambda: changed(admission_pass, 8, ""),
    "a pass with a token's MAC": lambda: changed(admission_pass, 8, join_token().split(".")[8]),
    "an unknown kid": lambda: changed(join_token, 0, "A" * 12),
    "the kid of the signing key": lambda: changed(
        join_token, 0, keyring.ring().signing["queue"].kid
    ),
    "the header of the signing key": lambda: changed(
        join_token, 0, keyring.ring().signing["queue"].header
    ),
    "the performance elsewhere": lambda: under_a_mac(*members_of(join_token()), bound_to=uuid7()),
    "cut short": lambda: join_token()[:-1],
    "appended": lambda: join_token() + "A",
    "padded": lambda: join_token() + "==",
    "with a blank": lambda: join_token() + " ",
    "too long": lambda: join_token() + "A" * 4096,
    "an invitation": invitation,
    "HS256 with our secret": lambda: jwt.encode(
        {"aud": Audience.PASS.value, "sub": str(USER), "performance": str(PERFORMANCE)},
        writing_key("place").secret,
        algorithm="HS256",
        headers={"kid": writing_key("place").kid},
    ),
    # Ours by their MAC, but in no form that this release writes.
    "an unknown letter": lambda: under_a_mac("x", *members_of(join_token())[1:]),
    "no letter": lambda: under_a_mac("", *members_of(join_token())[1:]),
    "a member too few": lambda: under_a_mac(*members_of(join_token())[:-1]),
    "a member too many": lambda: under_a_mac(*members_of(join_token()), 0),
    "a word for a number": lambda: under_a_mac("t", USER.hex, "seven", 2, 0, 5, 2**33),
    "no user": lambda: under_a_mac("t", "", 7, 2, 0, 5, 2**33),
    "an expiry beyond all times": lambda: under_a_mac("t", USER.hex, 7, 2, 0, 5, 10**18),
    "an expiry beyond all clocks": lambda: under_a_mac("t", USER.hex, 7, 2, 0, 5, 10**30),
    "no text": under_a_mac,
}


@pytest.mark.usefixtures("ring_path")
@pytest.mark.parametrize("forge", MAC_FORGERIES.values(), ids=MAC_FORGERIES.keys())
def test_forgeries_of_a_mac_are_refused(forge):
    assert verify(under_a_mac(*members_of(join_token())))  # the forger's tools are good
    with pytest.raises(QueueTokenInvalid):
        verify(forge())


@pytest.mark.control
@pytest.mark.usefixtures("ring_path")
@pytest.mark.parametrize("forgery", ["a longer session", "a better number", "another user"])
def test_control_without_the_mac_forgeries_are_believed(forgery, monkeypatch):
    monkeypatch.setattr("kernel.signing.mac.compare_digest", lambda shown, own: True)
    forged = MAC_FORGERIES[forgery]()
    user_id = UUID(members_of(forged)[1])
    proof = verify(forged, user_id=user_id)
    assert proof not in (verify(join_token()), verify(admission_pass()))


@pytest.mark.usefixtures("each_form")
@pytest.mark.parametrize("make", [join_token, admission_pass])
def test_neither_is_an_invitation(make):
    with pytest.raises(InvitationInvalid):
        tokens.read_invitation(make(), performance_id=PERFORMANCE, now=NOW)


@pytest.mark.usefixtures("each_form")
@given(
    user_id=st.uuids(),
    performance_id=st.uuids(),
    number=st.integers(0, 2**63 - 1),
    epoch=st.integers(0, 2**63 - 1),
    joined_ms=st.integers(0, 2**53),
    until_ms=st.integers(0, 2**53),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_token_says_of_any_place_what_was_signed(user_id, performance_id, **place):
    token = tokens.sign_token(user_id=user_id, performance_id=performance_id, now=NOW, **place)
    proof = verify(token, user_id=user_id, performance_id=performance_id)
    assert proof == Proof(
        audience=Audience.TOKEN,
        user_id=user_id,
        performance_id=performance_id,
        expires_at=NOW + timedelta(seconds=policy.TOKEN_SECONDS),
        **place,
    )
    assert len(token) < 1024


@pytest.mark.usefixtures("each_form")
@pytest.mark.parametrize("make", [join_token, admission_pass])
def test_tokens_cannot_be_given_away_or_taken_elsewhere(make):
    with pytest.raises(QueueTokenInvalid):
        verify(make(), user_id=uuid7())
    with pytest.raises(QueueTokenInvalid):
        verify(make(), performance_id=uuid7())


@pytest.mark.usefixtures("each_form")
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


@pytest.mark.usefixtures("each_form")
@pytest.mark.parametrize("beyond_the_second", [0, 1, 500, 999])
def test_a_pass_is_good_to_the_millisecond_of_admitted_until(beyond_the_second):
    until = UNTIL + timedelta(milliseconds=beyond_the_second)
    token = tokens.sign_pass(**PLACE, admitted_until=until, now=NOW)
    assert verify(token, now=until - timedelta(milliseconds=1)).until_ms == clock.to_ms(until)
    with pytest.raises(QueueTokenExpired):
        verify(token, now=until)


@pytest.mark.usefixtures("each_form")
def test_the_time_in_a_token_never_ends_a_pass_early():
    until = UNTIL + timedelta(milliseconds=1)
    proof = verify(tokens.sign_pass(**PLACE, admitted_until=until, now=NOW))
    assert proof.expires_at == UNTIL + timedelta(seconds=1)
