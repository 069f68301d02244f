"""The file of signing keys: made, rotated, read again, and listed."""

import json
import os
import stat
import threading

import pytest
from django.core.management import CommandError, call_command

from kernel.signing import jwks, keyring, keyring_file
from kernel.signing.jwt import JwtInvalid, sign_jwt, verify_jwt
from tests.support.signing import AUDIENCE, NOW, claims, ring_in, signing_key


@pytest.fixture
def path(tmp_path, settings):
    with ring_in(tmp_path / "keys.json", settings) as path:
        yield path


def test_after_a_rotation_the_old_key_verifies_and_after_two_it_does_not(path):
    token = sign_jwt("access", claims())
    old_kid = signing_key("access").kid
    keyring_file.rotate(path, "access", now=NOW)
    keyring.forget_ring()
    assert signing_key("access").kid != old_kid
    assert verify_jwt("access", token, audience=AUDIENCE, now=NOW)
    keyring_file.rotate(path, "access", now=NOW)
    keyring.forget_ring()
    with pytest.raises(JwtInvalid):
        verify_jwt("access", token, audience=AUDIENCE, now=NOW)


def test_a_changed_file_is_noticed_within_a_second_and_a_half(path, monkeypatch):
    keyring.ring()
    kid = keyring_file.rotate(path, "queue", now=NOW)
    later = keyring.time.monotonic() + 1.1
    monkeypatch.setattr(keyring.time, "monotonic", lambda: later)
    assert signing_key("queue").kid == kid


def test_a_file_gone_bad_leaves_the_last_good_ring_in_force(path, monkeypatch, caplog):
    kid = signing_key("queue").kid
    path.write_text("{")
    later = keyring.time.monotonic() + 1.1
    monkeypatch.setattr(keyring.time, "monotonic", lambda: later)
    assert signing_key("queue").kid == kid
    assert "unreadable" in caplog.text


def test_without_a_file_nothing_is_signed(tmp_path, settings):
    settings.SIGNING_KEYS_FILE = str(tmp_path / "none.json")
    keyring.forget_ring()
    with pytest.raises(keyring.KeyRingMissing, match=r"manage\.py keys init"):
        sign_jwt("access", claims())


def test_the_file_is_ours_alone_and_replaced_in_one_step(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    inode = path.stat().st_ino
    keyring_file.rotate(path, "proof", now=NOW)
    assert path.stat().st_ino != inode
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [name for name in os.listdir(path.parent) if name.endswith(".new")] == []


def test_init_is_repeatable_and_adds_only_what_lacks(path):
    before = json.loads(path.read_text())
    assert keyring_file.init(path, now=NOW) is False
    assert json.loads(path.read_text()) == before
    path.write_text(json.dumps({**before, "uses": {"access": before["uses"]["access"]}}))
    assert keyring_file.init(path, now=NOW) is True
    after = json.loads(path.read_text())
    assert after["uses"]["access"] == before["uses"]["access"]
    assert set(after["uses"]) == set(keyring.USES)


def test_two_inits_at_once_make_one_ring(tmp_path):
    path = tmp_path / "new" / "keys.json"
    made = []
    starters = [
        threading.Thread(target=lambda: made.append(keyring_file.init(path, now=NOW)))
        for _ in range(4)
    ]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert sorted(made) == [False, False, False, True]


def test_the_public_set_holds_no_private_member(path):
    keyring_file.rotate(path, "access", now=NOW)
    keyring.forget_ring()
    published = jwks.public_jwks()["keys"]
    assert len(published) == 5
    assert {key["frontrow_use"] for key in published} == set(keyring.USES)
    private = {"d", "p", "q", "dp", "dq", "qi", "k"}
    assert all(private.isdisjoint(key) for key in published)


def test_the_command_rotates_lists_and_refuses(path, capsys):
    call_command("keys", "rotate", "ticket")
    call_command("keys", "list", "--json")
    listed = json.loads(capsys.readouterr().out.splitlines()[-1])
    states = [entry["state"] for entry in listed if entry["use"] == "ticket"]
    assert states == ["current", "previous"]
    assert "private" not in listed[0]
    path.write_text("{}")
    with pytest.raises(CommandError):
        call_command("keys", "rotate", "ticket")
