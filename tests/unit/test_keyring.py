"""The file of signing keys: made, rotated, read again, and listed."""

import json
import os
import stat
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from kernel.signing import jwks, keyring, keyring_file
from kernel.signing.jwt import JwtInvalid, sign_jwt, verify_jwt
from tests.support.signing import (
    AUDIENCE,
    NOW,
    claims,
    ring_in,
    signing_key,
    take_mac_keys,
    upgrade,
)

AFTER = timedelta(seconds=5)


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


def test_a_new_key_verifies_at_once_and_signs_once_all_have_read_it(path, monkeypatch):
    now = datetime.now(UTC)
    old = {use: signing_key(use).kid for use in ("access", "queue")}
    new = {use: keyring_file.rotate(path, use, now=now, after=AFTER) for use in old}
    keyring.forget_ring()
    assert {use: signing_key(use).kid for use in old} == old
    with pytest.raises(ValueError, match="does not sign yet"):
        keyring_file.rotate(path, "access", now=now)
    assert {key.kid for key in keyring.ring().verifying["access"].values()} >= {new["access"]}
    later = time.time() + AFTER.total_seconds()
    seconds = time.monotonic() + AFTER.total_seconds()
    monkeypatch.setattr(keyring.time, "time", lambda: later)
    monkeypatch.setattr(keyring.time, "monotonic", lambda: seconds)
    assert {use: signing_key(use).kid for use in old} == new


def test_a_secret_too_signs_once_all_have_read_it(path):
    old = keyring.ring().writing["place"]
    kid = keyring_file.rotate(path, "place", now=datetime.now(UTC), after=AFTER)
    keyring.forget_ring()
    assert keyring.ring().writing["place"] == old
    assert set(keyring.ring().checking["place"]) == {old.kid, kid}


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


def test_a_new_ring_has_every_use_and_upgrade_adds_what_init_leaves(path):
    made = json.loads(path.read_text())["uses"]
    assert set(made) == {*keyring.USES, *keyring.MAC_USES}
    take_mac_keys(path)
    assert keyring_file.init(path, now=NOW) is False
    assert keyring.ring().writing == {}
    assert keyring_file.upgrade(path, now=NOW) is True
    assert keyring_file.upgrade(path, now=NOW) is False
    after = json.loads(path.read_text())["uses"]
    assert set(after) == set(made)
    assert {use: after[use] for use in keyring.USES} == {use: made[use] for use in keyring.USES}
    assert all(after[use] != made[use] for use in keyring.MAC_USES)


def test_upgrade_makes_a_ring_where_there_is_none(tmp_path):
    assert keyring_file.upgrade(tmp_path / "keys.json", now=NOW) is True
    assert keyring.read(tmp_path / "keys.json").writing["place"]


def test_a_ring_of_the_release_before_is_in_force_and_says_what_it_lacks(path, caplog):
    take_mac_keys(path)
    assert set(keyring.ring().signing) == set(keyring.USES)
    [warning] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "keys upgrade" in warning.message
    assert warning.uses == list(keyring.MAC_USES)
    keyring.ring()
    upgrade(path)
    assert keyring.ring().writing["place"]
    assert len(caplog.records) == 1


def test_a_use_that_a_later_release_adds_is_read_past_and_kept(path):
    document = json.loads(path.read_text())
    document["uses"]["later"] = [{"kid": "x", "created_at": NOW.isoformat(), "other": 1}]
    path.write_text(json.dumps(document))
    keyring.forget_ring()
    assert keyring.ring().signing["access"]
    keyring_file.rotate(path, "place", now=NOW)
    assert "later" in json.loads(path.read_text())["uses"]


BAD_SECRETS = {
    "none at all": [],
    "three": [{"kid": "a", "secret": "A" * 43}] * 3,
    "no list": {"kid": "a", "secret": "A" * 43},
    "no secret": [{"kid": "a"}],
    "too short": [{"kid": "a", "secret": "A" * 42}],
    "too long": [{"kid": "a", "secret": "A" * 86}],
    "empty": [{"kid": "a", "secret": ""}],
    "another spelling": [{"kid": "a", "secret": "A" * 42 + "B"}],
    "padded": [{"kid": "a", "secret": "A" * 43 + "="}],
    "no text": [{"kid": "a", "secret": 7}],
    "kid with a dot": [{"kid": "a.b", "secret": "A" * 43}],
    "no kid": [{"kid": "", "secret": "A" * 43}],
    "kid is a number": [{"kid": 7, "secret": "A" * 43}],
    "a key pair": "queue",
}


@pytest.mark.parametrize("pair", BAD_SECRETS.values(), ids=BAD_SECRETS.keys())
def test_a_ring_with_a_bad_secret_is_no_ring(path, pair):
    document = json.loads(path.read_text())
    document["uses"]["place"] = document["uses"]["queue"] if pair == "queue" else pair
    with pytest.raises((ValueError, KeyError, TypeError)):
        keyring.parse(json.dumps(document))


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
    assert len(published) == 4
    assert {key["frontrow_use"] for key in published} == {"access", "ticket", "proof"}
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


def test_the_command_upgrades_and_rotates_only_what_is_there(path, capsys):
    take_mac_keys(path)
    with pytest.raises(CommandError, match="keys upgrade"):
        call_command("keys", "rotate", "place")
    call_command("keys", "upgrade")
    call_command("keys", "upgrade")
    assert [line.rpartition(": ")[2] for line in capsys.readouterr().out.splitlines()] == [
        "keys added",
        "nothing to do",
    ]
    call_command("keys", "rotate", "place")
    assert "place: " in capsys.readouterr().out
