"""What the MAC in an access token is believed for, beside its signature."""

import json
from datetime import timedelta

import jwt
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts import tokens
from kernel.ids import uuid7
from kernel.signing import jwt as signing
from kernel.signing import keyring
from kernel.signing.jwt import JwtExpired, JwtInvalid, sign_jwt
from kernel.text import base64url
from tests.support.signing import NOW, claims, ring_in, rotate, take_mac_keys, upgrade

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture
def path(tmp_path, settings):
    with ring_in(tmp_path / "keys.json", settings) as path:
        yield path


def login(**changes) -> str:
    arguments = {
        "user_id": uuid7(),
        "session_id": "login",
        "is_staff": False,
        "groups": [],
        "now": NOW,
    }
    return tokens.issue_access_token(**arguments | changes)


def believed(token: str, *, by_mac: bool = True, now=NOW) -> bool:
    try:
        tokens.read_access_token(token, now=now, by_mac=by_mac)
    except JwtInvalid:
        return False
    return True


def with_claims(token: str, change) -> str:
    header, payload, signature = token.split(".")
    said = change(base64url.decode(payload).decode())
    return f"{header}.{base64url.encode(said.encode())}.{signature}"


def with_another_signature(token: str) -> str:
    head, _, signature = token.rpartition(".")
    return f"{head}.{base64url.encode(bytes(len(base64url.decode(signature))))}"


@pytest.fixture
def signatures(monkeypatch) -> list[str]:
    """The kids of the keys that checked a signature."""
    checked: list[str] = []
    verify = keyring.Key.verify

    def counted(self, signature, data):
        checked.append(self.kid)
        verify(self, signature, data)

    monkeypatch.setattr(keyring.Key, "verify", counted)
    return checked


@pytest.mark.usefixtures("path")
def test_the_mac_is_the_last_claim_and_integrators_verify_the_signature_as_before():
    token = login(is_staff=True, groups=["Promoters"])
    public = keyring.ring().signing["access"].public
    read = jwt.decode(
        token, public, algorithms=["RS256"], audience=tokens.ACCESS_AUDIENCE,
        options={"verify_exp": False},
    )  # fmt: skip
    assert list(read)[-1] == "mac"
    kid, mac = read["mac"].split(".")
    assert kid == keyring.ring().writing["login"].kid
    assert len(base64url.decode(mac)) == 16


@pytest.mark.usefixtures("path")
def test_a_right_mac_is_enough_where_it_is_asked_for_and_only_there(signatures):
    token = login()
    caller = tokens.read_access_token(token, now=NOW, by_mac=True)
    assert signatures == []
    assert tokens.read_access_token(token, now=NOW) == caller
    assert len(signatures) == 1
    spoilt = with_another_signature(token)
    assert believed(spoilt)
    assert not believed(spoilt, by_mac=False)


@pytest.mark.usefixtures("path")
def test_what_the_mac_vouched_for_is_not_remembered_as_signed():
    spoilt = with_another_signature(login())
    assert believed(spoilt)
    assert not believed(spoilt, by_mac=False)
    assert believed(spoilt)


@pytest.mark.usefixtures("path")
def test_a_login_that_is_shown_again_is_checked_once(monkeypatch):
    checked = []
    is_mac = signing.is_mac
    monkeypatch.setattr(signing, "is_mac", lambda *said: checked.append(1) or is_mac(*said))
    tokens_shown = [login() for _ in range(3)]
    assert all(believed(token) for token in tokens_shown * 4)
    assert len(checked) == 3


@pytest.mark.usefixtures("path")
def test_a_login_that_is_known_still_expires():
    token = login(lifetime=timedelta(seconds=60))
    assert believed(token)
    with pytest.raises(JwtExpired):
        tokens.read_access_token(token, now=NOW + timedelta(seconds=60), by_mac=True)


@pytest.mark.usefixtures("path")
def test_logins_that_are_forged_are_not_kept(monkeypatch):
    monkeypatch.setattr(signing, "_known", None)
    for forgery in FORGERIES.values():
        assert not believed(with_claims(login(), forgery))
    assert len(signing._known[1]) == 0


@pytest.mark.usefixtures("path")
def test_a_token_expires_by_its_mac_too():
    token = login(lifetime=timedelta(seconds=60))
    with pytest.raises(JwtExpired):
        tokens.read_access_token(token, now=NOW + timedelta(seconds=60), by_mac=True)


@pytest.mark.usefixtures("path")
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_changes_in_header_or_claims_spoils_it(data):
    token = login()
    signed = token.rpartition(".")[0]
    at = data.draw(st.integers(0, len(signed) - 1))
    new = data.draw(st.sampled_from(ALPHABET + "."))
    changed = token[:at] + new + token[at + 1 :]
    assert believed(changed) == (changed == token)


FORGERIES = {
    "a right": lambda said: said.replace('"is_staff":false', '"is_staff":true'),
    "a claim behind the MAC": lambda said: said[:-1] + ',"is_staff":true}',
    "a claim behind the MAC, and the MAC again": lambda said: (
        said[:-1] + ',"is_staff":true' + said[said.index(',"mac":') :]
    ),
    "a claim in front": lambda said: '{"is_staff":true,' + said[1:],
    "the MAC alone": lambda said: "{" + said[said.index('"mac":') :],
    "no MAC": lambda said: said[: said.index(',"mac":')] + "}",
    "an empty MAC": lambda said: said[: said.index(',"mac":')] + ',"mac":""}',
    "a kid without a MAC": lambda said: said[: said.rindex(".") + 1] + '"}',
    "a space before the MAC": lambda said: said.replace(',"mac":', ', "mac":'),
    "an end that is cut off": lambda said: said[:-2],
}


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_invalid(forgery):
    forged = with_claims(login(), FORGERIES[forgery])
    assert not believed(forged)
    assert not believed(forged, by_mac=False)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("signature", ["", "!", "AA=", "AB"])
def test_a_signature_that_is_none_is_invalid_in_spite_of_the_mac(signature):
    assert not believed(f"{login().rpartition('.')[0]}.{signature}")


@pytest.mark.usefixtures("path")
def test_a_text_of_the_user_cannot_stand_for_the_mac():
    said = claims(aud=tokens.ACCESS_AUDIENCE, note='","mac":"x.y"}')
    keys = keyring.ring().checking["login"]
    assert signing._has_mac(keys, "header", json.dumps(said)) is False
    token = sign_jwt("access", said, mac_use="login")
    assert signing.read_jwt(
        "access", token, audiences=(tokens.ACCESS_AUDIENCE,), read=dict, now=NOW, mac_use="login"
    )["note"].endswith('"}')


def test_a_mac_of_another_key_use_or_issuer_is_not_ours(path, tmp_path, settings):
    token = login()
    place = sign_jwt("access", claims(aud=tokens.ACCESS_AUDIENCE), mac_use="place")
    assert not believed(with_another_signature(place))
    settings.TOKEN_ISSUER = "elsewhere"
    assert not believed(with_another_signature(token))
    settings.TOKEN_ISSUER = "frontrow"
    with ring_in(tmp_path / "others.json", settings):
        assert not believed(token)


def test_without_a_key_tokens_are_signed_alone_and_read_by_their_signature(path, signatures):
    take_mac_keys(path)
    before = login()
    assert "mac" not in jwt.decode(before, options={"verify_signature": False})
    assert believed(before)
    upgrade(path)
    assert believed(before)
    assert believed(login())
    assert len(signatures) == 2


def test_a_rotated_key_is_believed_once_and_then_the_signature_decides(path, signatures):
    token = login()
    rotate(path, "login")
    assert believed(token)
    assert signatures == []
    rotate(path, "login")
    assert believed(token)
    assert len(signatures) == 1
    assert not believed(with_another_signature(token))


def test_when_the_signing_key_has_gone_its_macs_have_too(path):
    token = login()
    for _ in range(2):
        rotate(path, "access")
    assert not believed(token)


@pytest.mark.usefixtures("path")
def test_refresh_tokens_have_none():
    token = tokens.sign_refresh_token(
        jti=uuid7(), user_id=uuid7(), session_id="s", issued_at=NOW, expires_at=NOW
    )
    assert "mac" not in jwt.decode(token, options={"verify_signature": False})
