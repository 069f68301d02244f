"""The text of a ticket's QR code: short, signed, and read by nobody's keys but ours."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import segno
from cryptography.exceptions import InvalidSignature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.ids import uuid7
from kernel.signing import keyring
from kernel.signing.jwks import public_jwks
from kernel.signing.jwt import sign_jwt
from kernel.text import base45
from tests.support.signing import ring_in, rotate
from tests.support.verifiers import verifier
from tickets import codes, qr
from tickets.policy import CODE_ALPHABET

CODES = st.text(CODE_ALPHABET, min_size=12, max_size=12)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2300, 1, 1), timezones=st.just(UTC))
ENDS = datetime(2026, 12, 25, 10, 30, tzinfo=UTC)
CODE = "7KX2M9QWE4TZ"
HERE = uuid7()


@pytest.fixture(autouse=True)
def path(tmp_path, settings):
    with ring_in(tmp_path / "keys.json", settings) as path:
        yield path


def written(**changes):
    return qr.write(**({"code": CODE, "performance_id": HERE, "expires_at": ENDS} | changes))


def of_a_door():
    """Return the verifier of docs/, as a door without a network runs it."""
    module = verifier("ticket")
    written_as = Path(module.__file__).read_text()
    assert len(written_as.split("def verify")[1].splitlines()) <= 30
    return module.verify


def verified(text, *, jwks=None, performance_id=HERE, now=ENDS):
    return of_a_door()(text, jwks or public_jwks(), performance_id, now.timestamp())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(code=CODES, performance_id=st.uuids(), expires_at=MOMENTS)
def test_what_is_written_is_read(code, performance_id, expires_at):
    text = qr.write(code=code, performance_id=performance_id, expires_at=expires_at)
    proof = qr.read(text)
    assert (proof.code, proof.performance_tag) == (code, qr.performance_tag(performance_id))
    assert timedelta() <= proof.expires_at - expires_at < timedelta(hours=1)
    assert len(text) == qr.LENGTH
    assert text == text.strip(), "a scanner or a form may trim it"
    assert codes.code_in(text) == code
    assert verified(text, performance_id=performance_id, now=expires_at - timedelta(1)) == code


def test_it_fits_a_small_qr_code():
    code = segno.make_qr(written(), error="m", boost_error=False)
    assert (code.mode, code.designator) == ("alphanumeric", "5-M")


def test_it_is_the_same_at_every_reading():
    assert written() == written()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, 80), st.integers(1, 255))
def test_no_byte_can_be_changed(place, change):
    data = bytearray(base45.decode(written()))
    data[place] ^= change
    text = base45.encode(bytes(data))
    with pytest.raises(qr.QrInvalid):
        qr.read(text)
    assert codes.code_in(text) is None
    with pytest.raises((ValueError, InvalidSignature)):
        verified(text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.text(max_size=200), st.text(base45.ALPHABET, min_size=122, max_size=122)))
def test_no_text_is_read_that_we_have_not_written(text):
    with pytest.raises(qr.QrInvalid):
        qr.read(text)
    found = codes.code_in(text)
    assert found is None or (len(found) == 12 and set(found) <= set(CODE_ALPHABET))


@pytest.mark.control
def test_control_without_the_signature_a_forged_ticket_is_taken(monkeypatch):
    data = bytearray(base45.decode(written()))
    data[16] ^= 1
    monkeypatch.setattr(qr, "_is_signed", lambda payload, signature: True)
    assert qr.read(base45.encode(bytes(data))).code != CODE


def test_a_key_of_another_use_signs_no_ticket(monkeypatch):
    ring = keyring.ring()
    other = ring.signing["proof"]
    payload = base45.decode(written())[:17]
    payload = payload[:4] + qr._key_tag(other.kid) + payload[5:]
    with pytest.raises(qr.QrInvalid):
        qr.read(base45.encode(payload + other.sign(payload)))


def test_the_previous_key_still_opens_and_the_one_before_does_not(path):
    text = written()
    rotate(path, "ticket")
    assert qr.read(text).code == CODE
    assert verified(text, now=ENDS - timedelta(1)) == CODE
    assert written() != text
    rotate(path, "ticket")
    with pytest.raises(qr.QrInvalid):
        qr.read(text)


def test_two_keys_of_one_tag_both_verify(path, monkeypatch):
    monkeypatch.setattr(qr, "_key_tag", lambda kid: b"\x07")
    text = written()
    rotate(path, "ticket")
    assert qr.read(text).code == qr.read(written()).code == CODE


def test_a_door_without_network_knows_a_ticket_from_a_forgery(path, tmp_path, settings):
    text, jwks = written(), public_jwks()
    before = ENDS - timedelta(hours=1)
    assert verified(text, now=before) == CODE
    with pytest.raises(ValueError, match="expired"):
        verified(text, now=ENDS + timedelta(hours=2))
    with pytest.raises(ValueError, match="another performance"):
        verified(text, performance_id=uuid7(), now=before)
    with ring_in(tmp_path / "forger.json", settings):
        forged = written()
    with pytest.raises(ValueError, match="not signed by us"):
        verified(forged, jwks=jwks, now=before)


def test_a_qr_code_of_the_old_form_still_opens_the_door():
    claims = {"aud": "frontrow-door", "exp": 1, "sub": str(uuid7()), "code": CODE}
    old = sign_jwt("ticket", claims)
    assert codes.code_in(old) == CODE
    assert codes.code_in(old[:-2] + ("AA" if old[-2:] != "AA" else "BB")) is None
    assert codes.code_in(sign_jwt("proof", claims)) is None
    assert codes.code_in(sign_jwt("ticket", claims | {"aud": "another"})) is None
    assert codes.code_in(sign_jwt("ticket", claims | {"code": 7})) is None


@pytest.mark.parametrize(
    "typed", ["7KX2M9QWE4TZ", "7kx2m9qwe4tz", "7KX2-M9QW-E4TZ", " 7KX2 M9QW E4TZ ", "7kx2m9qwe4tz-"]
)
def test_a_typed_code_is_read_however_it_is_spelled(typed):
    assert codes.code_in(typed) == CODE
    assert codes.code_in(codes.spoken(CODE)) == CODE


def test_look_alikes_are_what_they_look_like():
    assert codes.code_in("OoIiLl222222") == "001111222222"


@pytest.mark.parametrize(
    "typed",
    ["", " ", "7KX2", "7KX2M9QWE4TU", "7KX2M9QWE4T\0", "７KX2M9QWE4TZ", "7" * 100_000, "ß" * 12],
)
def test_what_is_no_code_is_none(typed):
    assert codes.code_in(typed) is None
