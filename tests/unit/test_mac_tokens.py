"""What a token under a MAC is believed for, and what it is not."""

import contextlib
from base64 import urlsafe_b64decode
from hashlib import blake2b
from hmac import compare_digest, digest
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kernel.ids import uuid7
from kernel.signing import keyring, mac
from kernel.signing.jwt import JwtInvalid, sign_jwt, verify_jwt
from kernel.signing.keyring import MacKey
from kernel.signing.mac import (
    MacInvalid,
    TokenWriter,
    named_key,
    read_token,
    write_token,
    writing_key,
)
from kernel.text import base64url
from tests.support.signing import AUDIENCE, NOW, claims, ring_in, rotate, take_mac_keys

THING = uuid7()
KEY = MacKey("kid-1", bytes(range(32)))
TEXT = "t.7.2"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture
def path(tmp_path, settings):
    with ring_in(tmp_path / "keys.json", settings) as path:
        yield path


def good(text: str = TEXT) -> str:
    return write_token(KEY, text, bound_to=THING)


def test_a_writer_of_many_writes_each_as_if_alone():
    writer = TokenWriter(KEY, bound_to=THING)
    texts = ["", "t.7.2", "t.7.3", "x" * 300]
    assert [writer.write(text) for text in texts] == [
        write_token(KEY, text, bound_to=THING) for text in texts
    ]
    assert all(read_token(KEY, writer.write(text), bound_to=THING) == text for text in texts)


def believed(token: str, *, key: MacKey = KEY, bound_to: UUID = THING) -> bool:
    try:
        read_token(key, token, bound_to=bound_to)
    except MacInvalid:
        return False
    return True


def test_the_form_is_kid_text_and_a_mac_of_keyed_blake2b_over_all_it_says(settings):
    settings.TOKEN_ISSUER = "frontrow"
    covered = b"frontrow|" + THING.bytes + b"kid-1.t.7.2"
    expected = blake2b(covered, key=KEY.secret, digest_size=16).digest()
    assert good() == f"kid-1.t.7.2.{base64url.encode(expected)}"


@given(st.text(max_size=200).filter(lambda text: text.isascii()), st.uuids())
@example("", UUID(int=0))
@example("...", UUID(int=2**128 - 1))
def test_a_text_is_read_as_it_was_written(text, thing):
    token = write_token(KEY, text, bound_to=thing)
    assert read_token(KEY, token, bound_to=thing) == text
    assert not believed(token, bound_to=UUID(int=thing.int ^ 1))


def mac_of(data: bytes, *, secret: bytes = KEY.secret, size: int = 16) -> str:
    return base64url.encode(blake2b(data, key=secret, digest_size=size).digest())


def covered(head: str = f"kid-1.{TEXT}") -> bytes:
    return b"frontrow|" + THING.bytes + head.encode()


FORGERIES = {
    "nothing": lambda: "",
    "dots": lambda: "....",
    "no MAC": lambda: f"kid-1.{TEXT}.",
    "no MAC, no dot": lambda: f"kid-1.{TEXT}",
    "no kid": lambda: good().partition(".")[2],
    "an unkeyed hash": lambda: f"kid-1.{TEXT}.{mac_of(covered(), secret=b'')}",
    "a secret of one's own": lambda: f"kid-1.{TEXT}.{mac_of(covered(), secret=b'x' * 32)}",
    "the kid as secret": lambda: f"kid-1.{TEXT}.{mac_of(covered(), secret=b'kid-1')}",
    "a shorter MAC": lambda: f"kid-1.{TEXT}.{mac_of(covered(), size=8)}",
    "a longer MAC": lambda: f"kid-1.{TEXT}.{mac_of(covered(), size=32)}",
    "a MAC of other bytes": lambda: f"kid-1.{TEXT}.{mac_of(covered()[1:])}",
    "another MAC by the same secret": lambda: (
        f"kid-1.{TEXT}.{base64url.encode(digest(KEY.secret, covered(), 'sha256')[:16])}"
    ),
    "another's text": lambda: f"kid-1.t.8.2.{good().rpartition('.')[2]}",
    "more text": lambda: f"kid-1.{TEXT}.9.{good().rpartition('.')[2]}",
    "less text": lambda: f"kid-1.t.7.{good().rpartition('.')[2]}",
    "the MAC of another kid": lambda: good().replace("kid-1", "kid-2"),
    "two MACs": lambda: good() + "." + good().rpartition(".")[2],
    "twice": lambda: good() * 2,
    "digits of another script": lambda: good().replace("7", "７"),
    "half a surrogate pair": lambda: good() + "\ud800",
    "not ASCII": lambda: "한국.어.토큰",
    "too long": lambda: write_token(KEY, "x" * 1000, bound_to=THING),
    "a megabyte": lambda: "a" * 1_000_000,
    "a null byte": lambda: good() + "\0",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_is_invalid(settings, forge):
    settings.TOKEN_ISSUER = "frontrow"
    assert believed(good())
    assert not believed(forge())


def test_a_token_of_another_issuer_or_thing_is_invalid(settings):
    token = good()
    assert not believed(token, bound_to=uuid7())
    settings.TOKEN_ISSUER = "elsewhere"
    assert not believed(token)


def test_a_secret_writes_for_its_own_kid_alone():
    twin = MacKey("kid-2", KEY.secret)
    assert believed(write_token(twin, TEXT, bound_to=THING), key=twin)
    assert not believed(write_token(twin, TEXT, bound_to=THING))


@given(st.integers(0, len(good()) - 1), st.characters())
def test_a_changed_character_anywhere_is_invalid(position, character):
    token = good()
    changed = token[:position] + character + token[position + 1 :]
    assert believed(changed) == (changed == token)


@given(st.text(max_size=80))
def test_no_text_of_a_stranger_is_believed(text):
    assert not believed(text)
    assert not believed(f"kid-1.{text}")


def spellings_of(token: str):
    """Yield other texts that a lenient decoder takes for the same bytes."""
    head, _, shown = token.rpartition(".")
    last = ALPHABET.index(shown[-1])
    for spare in range(1, 16):  # 16 bytes leave four bits of the last character unused
        yield f"{head}.{shown[:-1]}{ALPHABET[last ^ spare]}"
    for added in ("=", "==", "A", "\n", " ", "\0", "~", ".", "+"):
        yield token + added
        yield added + token
        yield f"{head}{added}.{shown}"
        yield f"{head}.{added}{shown}"
    yield f"{head}.{shown.swapcase()}"


def test_a_token_has_one_spelling():
    assert not any(believed(other) for other in spellings_of(good()))


@pytest.mark.control
def test_control_compared_as_bytes_other_spellings_are_taken(monkeypatch):
    def decoded(text: str) -> bytes:
        with contextlib.suppress(ValueError):
            return urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return b""

    lenient = lambda shown, own: compare_digest(decoded(shown), decoded(own))  # noqa: E731
    monkeypatch.setattr(mac, "compare_digest", lenient)
    assert sum(believed(other) for other in spellings_of(good())) >= 15


@pytest.mark.control
def test_control_without_the_comparison_every_text_is_taken(monkeypatch):
    monkeypatch.setattr(mac, "compare_digest", lambda shown, own: True)
    assert believed(FORGERIES["another's text"]())


def test_the_standard_librarys_comparison_in_constant_time_decides_alone(monkeypatch):
    assert mac.compare_digest is compare_digest
    compared = []
    monkeypatch.setattr(mac, "compare_digest", lambda *both: compared.append(both))
    own = good().rpartition(".")[2]
    assert not believed(good())
    assert not believed(good()[:-1])
    assert compared == [(own, own), (own[:-1], own)]


def test_each_of_two_keys_of_the_use_is_found_by_its_kid_and_no_third(path):
    first = writing_key("place")
    token = write_token(first, TEXT, bound_to=THING)
    assert named_key("place", token) is first
    rotate(path, "place")
    assert writing_key("place") != first
    assert named_key("place", token) == first
    assert named_key("place", write_token(writing_key("place"), "", bound_to=THING))
    rotate(path, "place")
    assert named_key("place", token) is None


@pytest.mark.parametrize("token", ["", ".", "x", "x.y.z", "한국", "\ud800.a", "." * 5000])
def test_what_names_no_key_of_ours_has_none(path, token):
    assert named_key("place", token) is None


def test_a_ring_without_secrets_writes_and_names_none(path):
    token = write_token(writing_key("place"), TEXT, bound_to=THING)
    take_mac_keys(path)
    assert writing_key("place") is None
    assert named_key("place", token) is None


@pytest.mark.parametrize("use", keyring.USES)
def test_no_use_takes_the_other_form(path, use):
    token = write_token(writing_key("place"), TEXT, bound_to=THING)
    with pytest.raises(JwtInvalid):
        verify_jwt(use, token, audience=AUDIENCE, now=NOW)
    assert named_key("place", sign_jwt(use, claims())) is None
