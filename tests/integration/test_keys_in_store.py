"""`manage.py keys --store`: the ring in Secrets Manager (moto's server), changed in one step."""

import json
from io import StringIO

import boto3
import pytest
from django.core.management import CommandError, call_command

from drills.bucket_double import bucket_double
from kernel.signing import keyring, keyring_store

ENTRY = "frontrow/production/signing-keys"
STORE = f"secrets-manager:{ENTRY}"


@pytest.fixture(scope="module")
def double():
    with bucket_double() as environment:
        yield environment


@pytest.fixture
def entry(double, monkeypatch):
    """Give a client; the entry exists and has no value, as Terraform leaves it."""
    for name, value in double.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("secretsmanager")
    client.create_secret(Name=ENTRY)
    yield client
    client.delete_secret(SecretId=ENTRY, ForceDeleteWithoutRecovery=True)


def keys(*words, **options):
    out = StringIO()
    call_command("keys", *words, store=STORE, stdout=out, **options)
    return out.getvalue().strip()


def ring(client):
    return client.get_secret_value(SecretId=ENTRY, VersionStage="AWSCURRENT")["SecretString"]


def test_a_ring_is_made_rotated_and_listed_in_the_store(entry):
    assert keys("init") == f"{STORE}: keys made"
    assert keys("init") == f"{STORE}: nothing to do"
    first = json.loads(ring(entry))["uses"]["access"][0]["kid"]
    kid = keys("rotate", "access").split()[1]
    pair = json.loads(ring(entry))["uses"]["access"]
    assert [key["kid"] for key in pair] == [kid, first]
    keyring.parse(ring(entry))  # what pods mount can be read
    listed = json.loads(keys("list", as_json=True))
    assert {(one["kid"], one["state"]) for one in listed} >= {(kid, "current"), (first, "previous")}


def test_a_new_key_signs_once_every_pod_has_it(entry):
    keys("init")
    assert keys("rotate", "ticket").endswith(f"signs in {keyring_store.FOLLOW_SECONDS:g} s")
    assert keys("rotate", "queue", after=0).endswith("signs in 0 s")


def test_the_ring_is_on_no_disk_afterwards(entry, tmp_path, monkeypatch):
    monkeypatch.setattr(keyring_store.tempfile, "tempdir", str(tmp_path))
    keys("init")
    assert list(tmp_path.iterdir()) == []


def test_the_first_ring_of_an_entry_can_be_one_alone(entry):
    keys("init")
    [version] = entry.list_secret_version_ids(SecretId=ENTRY)["Versions"]
    assert version["VersionId"] == keyring_store._FIRST


def changed_meanwhile(client):
    """Rotate while another one has begun to: it must be refused."""
    with keyring_store.ring_in_store(STORE) as path:
        keys("rotate", "access", after=0)
        theirs = ring(client)
        document = json.loads(path.read_text())
        document["uses"]["access"] = document["uses"]["ticket"]
        path.write_text(json.dumps(document))
    return theirs


def test_who_rotates_at_the_same_time_is_refused_and_nothing_is_lost(entry):
    keys("init")
    before = ring(entry)
    with pytest.raises(keyring_store.StoreRefused, match="somebody else changed the ring"):
        changed_meanwhile(entry)
    assert ring(entry) != before  # the other one's
    assert json.loads(ring(entry))["uses"]["access"][1] == json.loads(before)["uses"]["access"][0]


@pytest.mark.control
def test_control_a_plain_write_loses_the_other_ones_key(entry, monkeypatch):
    def plainly(client, name, text, before):
        client.put_secret_value(SecretId=name, SecretString=text)

    keys("init")
    monkeypatch.setattr(keyring_store, "_put", plainly)
    theirs = changed_meanwhile(entry)
    assert ring(entry) != theirs


@pytest.mark.parametrize(
    ("store", "says"),
    [
        ("vault:ring", "names no store"),
        ("secrets-manager:", "names no store"),
        ("secrets-manager:nowhere", "there is no such entry"),
    ],
)
def test_a_wrong_store_is_one_clear_line(entry, store, says):
    with pytest.raises(CommandError, match=says) as refused:
        call_command("keys", "rotate", "access", store=store, stdout=StringIO())
    assert "\n" not in str(refused.value)
