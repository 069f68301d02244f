"""Private files that are written once: reports and what else only staff with a link may read.

Note [Stored once]
The name has the SHA-256 of the content, so nothing else can ever stand under it, and who reads one
finds out whether it is still what was written. The same content at the same time is the same file.
"""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.core.files.storage.filesystem import FileSystemStorage

from kernel.storage_places import LINK_SECONDS

_NAME = re.compile(
    r"[a-z]+(/[a-z]+)*/\d{4}/\d{2}/\d{8}T\d{6}Z-([0-9a-f]{64})\.[a-z]{1,8}", re.ASCII
)
_SALT = "kernel.stored_files"


class FileBroken(Exception):
    """What lies under the name is not what was written under it."""


class FileNotKept(Exception):
    """The storage did not take a file; says why."""


class FileUnknown(Exception):
    """There is no such file, or the link to it is over."""


def name_for(folder: str, content: bytes, *, ending: str, now: datetime) -> str:
    """Return the name under which `keep` writes this content: Note [Stored once]."""
    digest = hashlib.sha256(content).hexdigest()
    moment = now.astimezone(UTC)
    return f"{folder}/{moment:%Y/%m}/{moment:%Y%m%dT%H%M%SZ}-{digest}.{ending}"


def keep(folder: str, content: bytes, *, ending: str, now: datetime) -> str:
    """Write a file below `folder` and return its name: Note [Stored once].

    Raises `FileNotKept`.
    """
    name = name_for(folder, content, ending=ending, now=now)
    try:
        _write(_private(), name, content)
    except Exception as error:  # each storage has its own
        raise FileNotKept(f"{name}: {error!r}") from error
    return name


def _write(private: Storage, name: str, content: bytes) -> None:
    if private.exists(name):
        return
    written = private.save(name, ContentFile(content))
    if written != name:  # another has just written the same
        private.delete(written)


def names(folder: str) -> list[str]:
    """Return the names of all files below `folder`, the oldest first."""
    private = _private()

    def below(place: str) -> list[str]:
        try:
            folders, files = private.listdir(place)
        except FileNotFoundError:
            return []
        found = [f"{place}/{one}" for one in files if _NAME.fullmatch(f"{place}/{one}")]
        return found + [name for one in folders for name in below(f"{place}/{one}")]

    return sorted(below(folder), key=lambda name: name.rpartition("/")[2])


def read(name: str) -> bytes:
    """Return a file. Raises `FileUnknown`, and `FileBroken` where it was changed."""
    found = _NAME.fullmatch(name)
    if not found:
        raise FileUnknown(name)
    try:
        with _private().open(name) as file:
            content = bytes(file.read())
    except FileNotFoundError:
        raise FileUnknown(name) from None
    if hashlib.sha256(content).hexdigest() != found[2]:
        raise FileBroken(name)
    return content


def link_to(name: str) -> str:
    """Return an address that shows a file for `LINK_SECONDS`: the bucket's own, or the site's."""
    private: Any = _private()
    if not isinstance(private, FileSystemStorage):
        return str(private.url(name))
    return f"{settings.FRONTROW_URL}/files/{signing.dumps(name, salt=_SALT)}"


def name_of(token: str) -> str:
    """Return the name that a link of the site stands for. Raises `FileUnknown`."""
    try:
        return str(signing.loads(token, salt=_SALT, max_age=LINK_SECONDS))
    except signing.BadSignature:
        raise FileUnknown(token) from None


def _private() -> Storage:
    return storages["private"]
