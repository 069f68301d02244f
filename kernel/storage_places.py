"""STORAGE_URL: which storages it stands for, in the form of Django's STORAGES.

Two storages lie side by side in it. `default` has what everybody may see (media), `private` what
only who holds a signed link may: it is closed by default. In a bucket both are private objects; the
API hands out the public ones, or an edge that `MEDIA_URL` leads to.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_MEDIA, _PRIVATE = "media", "private"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_FILE = "file://"
LINK_SECONDS = 300


def read(url: str, *, media_url: str, region: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the storages `default` and `private`. Raises ValueError for nonsense."""
    if url.startswith(_FILE):
        return {
            "default": {
                "BACKEND": "django.core.files.storage.FileSystemStorage",
                "OPTIONS": {"allow_overwrite": True, "base_url": media_url},
            },
            "private": {
                "BACKEND": "django.core.files.storage.FileSystemStorage",
                "OPTIONS": {
                    "location": str(_folder(url) / _PRIVATE),
                    "file_permissions_mode": 0o600,
                    "directory_permissions_mode": 0o700,
                },
            },
        }
    place = urlsplit(url)
    if place.scheme != "s3" or not _BUCKET.fullmatch(place.netloc) or place.query or place.fragment:
        raise ValueError(f"STORAGE_URL: {url!r} is neither file://FOLDER nor s3://bucket/prefix")
    return {
        "default": _bucket(place.netloc, place.path, _MEDIA, region, overwrites=True),
        "private": _bucket(place.netloc, place.path, _PRIVATE, region, overwrites=False),
    }


def media_folder(url: str) -> Path:
    """Return the folder of media; unused where files lie in a bucket."""
    return _folder(url) / _MEDIA if url.startswith(_FILE) else Path("var") / "storage" / _MEDIA


def _folder(url: str) -> Path:
    folder = url.removeprefix(_FILE)
    if not folder.strip("/"):
        raise ValueError(f"STORAGE_URL: {url!r} names no folder")
    return Path(folder)


def _bucket(
    name: str, path: str, part: str, region: str | None, *, overwrites: bool
) -> dict[str, Any]:
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": name,
            "location": "/".join(one for one in (path.strip("/"), part) if one),
            "region_name": region,
            "default_acl": None,  # private, and buckets of today refuse any other
            "querystring_auth": True,
            "querystring_expire": LINK_SECONDS,
            "signature_version": "s3v4",
            "file_overwrite": overwrites,
            # The bucket refuses what did not arrive as it was sent.
            "object_parameters": {"ChecksumAlgorithm": "SHA256"},
        },
    }
