"""The secrets of the key ring are in its file and nowhere else."""

import json
import logging
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from kernel.http.jwks import jwks
from kernel.signing import jwks as published
from kernel.signing import keyring
from kernel.telemetry import logs
from kernel.text import base64url
from tests.support.signing import ring_in, rotate


@pytest.fixture
def path(tmp_path, settings):
    with ring_in(tmp_path / "keys.json", settings) as path:
        for use in keyring.MAC_USES:
            rotate(path, use)
        yield path


def secrets_in(path: Path) -> list[str]:
    """Return each secret as the file has it, in hexadecimal, and as Python shows bytes."""
    uses = json.loads(path.read_text())["uses"]
    written = [key["secret"] for use in keyring.MAC_USES for key in uses[use]]
    assert len(written) == 2 * len(keyring.MAC_USES)
    raw = [base64url.decode(text) for text in written]
    return [*written, *(data.hex() for data in raw), *(repr(data)[2:-1] for data in raw)]


def shows_a_secret(secrets: list[str], shown: str) -> bool:
    return any(secret[:20] in shown for secret in secrets)


def test_the_public_keys_hold_none(path):
    shown = json.dumps(published.public_jwks())
    shown += jwks(RequestFactory().get("/.well-known/jwks.json")).content.decode()
    assert not shows_a_secret(secrets_in(path), shown)
    assert '"oct"' not in shown
    uses = json.loads(path.read_text())["uses"]
    kids = {key["kid"] for use in keyring.MAC_USES for key in uses[use]}
    assert kids.isdisjoint(key["kid"] for key in published.public_jwks()["keys"])


@pytest.mark.parametrize("show", [repr, str, "{0!r:.100000}".format, "%s".__mod__])
def test_a_key_and_a_ring_show_none(path, show):
    ring = keyring.ring()
    for value in (ring, ring.writing, ring.checking, ring.writing["place"]):
        assert not shows_a_secret(secrets_in(path), show(value))
    assert ring.writing["place"].kid in repr(ring)


def test_the_command_shows_none(path, capsys):
    for line in ("list", "list --json", "init", "upgrade", "rotate place", "rotate queue"):
        secrets = secrets_in(path)
        call_command("keys", *line.split())
        shown = "".join(capsys.readouterr())
        assert shown
        assert not shows_a_secret(secrets + secrets_in(path), shown)


def spoilt(path: Path, kind: str) -> bytes:
    """Return what is in the file, with a fault beside or inside the current secret."""
    text = path.read_bytes()
    secret = json.loads(text)["uses"]["place"][0]["secret"].encode()
    return {
        "a byte that is no UTF-8": text + b"\xff",
        "cut in the secret": text[: text.index(secret) + 30],
        "a lone surrogate": text.replace(secret, secret + rb"\ud800"),
        "a letter too many": text.replace(secret, secret + b"A"),
        "not base64": text.replace(secret, secret[:-1] + b"!"),
        "the secret as a kid": text.replace(b'"kid": "', b'"kid": ".' + secret),
        "a key pair without its text": text.replace(b'"private": "', b'"private": 7, "x": "'),
        "a surrogate in a key pair": text.replace(b'"private": "', rb'"private": "\ud800' + secret),
    }[kind]


FAULTS = (
    "a byte that is no UTF-8",
    "cut in the secret",
    "a lone surrogate",
    "a letter too many",
    "not base64",
    "the secret as a kid",
    "a key pair without its text",
    "a surrogate in a key pair",
)


def shown_of_a_spoilt_file(path: Path, kind: str, caplog, capsys) -> str:
    """Return what logs, errors and the command show of the file, to the full."""
    known = keyring.ring()
    path.write_bytes(spoilt(path, kind))
    later = keyring.time.monotonic() + 1.1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyring.time, "monotonic", lambda: later)
        assert keyring.ring() is known
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    shown = logs.JsonFormatter().format(record) + repr(vars(record))
    keyring.forget_ring()
    with pytest.raises(keyring.KeyRingMissing) as refusal:
        keyring.ring()
    shown += repr(refusal.value) + repr(refusal.value.__cause__)
    try:
        call_command("keys", "rotate", "place")
    except CommandError as error:
        shown += str(error)
    return shown + "".join(capsys.readouterr())


@pytest.mark.parametrize("kind", FAULTS)
def test_what_is_said_of_a_file_gone_bad_quotes_none(path, kind, caplog, capsys):
    secrets = secrets_in(path)
    shown = shown_of_a_spoilt_file(path, kind, caplog, capsys)
    assert "unreadable" in shown
    assert not shows_a_secret(secrets, shown)


@pytest.mark.control
def test_control_an_error_of_a_decoder_quotes_the_file(path, caplog, capsys, monkeypatch):
    secrets = secrets_in(path)
    monkeypatch.setattr(keyring, "read", lambda path: keyring.parse(path.read_text()))
    shown = shown_of_a_spoilt_file(path, "a byte that is no UTF-8", caplog, capsys)
    assert shows_a_secret(secrets, shown)
