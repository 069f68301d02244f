"""A key ring in Secrets Manager: a copy to work on, and its way back in one step.

`--store secrets-manager:NAME` of `manage.py keys` names the entry. Who uses the ring reads it from
a mounted secret, which follows the entry (docs/deploying.md).

Note [One ring at a time]
Two people who rotate at once must not lose a key that one of them made. A new ring is written
beside the one in force, and put in force only while the ring it was made from still is. An entry
without any ring takes the first one under a fixed token, of which there can be one.
"""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

SCHEME = "secrets-manager:"
# External Secrets looks each minute, kubelet within about one more, each process each second.
FOLLOW_SECONDS = 180.0
_FIRST = str(uuid.uuid5(uuid.NAMESPACE_URL, "frontrow: the first key ring of an entry"))
_CURRENT, _NEW = "AWSCURRENT", "FRONTROWNEW"


class StoreRefused(Exception):
    """The store can't be asked, or somebody else changed the ring meanwhile; for people."""


@contextmanager
def ring_in_store(store: str) -> Iterator[Path]:
    """Give the ring as a file of ours; on leaving write it back if it was changed.

    The file does not exist where the entry has no ring yet. Raises StoreRefused.
    """
    name = store.removeprefix(SCHEME)
    if name == store or not name:
        raise StoreRefused(f"{store!r} names no store: {SCHEME}NAME does")
    try:
        client = boto3.client("secretsmanager")
        before = _current(client, name)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ring.json"
            if before is not None:
                _write(path, before["SecretString"])
            yield path
            after = path.read_text() if path.exists() else None
        if after is not None and (before is None or after != before["SecretString"]):
            _put(client, name, after, before)
    except ClientError as error:
        raise StoreRefused(_explained(name, error)) from error
    except BotoCoreError as error:
        raise StoreRefused(f"{name}: {error}") from error


def _current(client: Any, name: str) -> Any:
    """Return the version in force; None where the entry has none."""
    client.describe_secret(SecretId=name)  # which fails where there is no entry at all
    try:
        return client.get_secret_value(SecretId=name, VersionStage=_CURRENT)
    except client.exceptions.ResourceNotFoundException:
        return None


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _put(client: Any, name: str, text: str, before: Any) -> None:
    """Put a ring in force (Note [One ring at a time])."""
    if before is None:
        client.put_secret_value(SecretId=name, SecretString=text, ClientRequestToken=_FIRST)
        return
    made = client.put_secret_value(SecretId=name, SecretString=text, VersionStages=[_NEW])
    client.update_secret_version_stage(
        SecretId=name,
        VersionStage=_CURRENT,
        MoveToVersionId=made["VersionId"],
        RemoveFromVersionId=before["VersionId"],
    )


def _explained(name: str, error: ClientError) -> str:
    code = error.response.get("Error", {}).get("Code", "")
    if code == "ResourceNotFoundException":
        return f"{name}: there is no such entry; Terraform makes it"
    if code in {"InvalidParameterException", "ResourceExistsException"}:
        return f"{name}: somebody else changed the ring meanwhile; look (`keys list`) and try again"
    return f"{name}: {error}"
