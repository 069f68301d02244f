"""What barman's interpreter does at the bucket: `bucket.py archive|clusters|logs|sizes ...`.

The servers' user runs a copy of this file, so it imports nothing of the project.

Note [A log file is archived once]
With spare parts every member archives: a leader that dies may leave a file behind which only its
standbys have (`archive_mode = always`). So a file that is there already is compared, not sent: the
same is well, another is an error, which PostgreSQL logs and repeats. Nothing is ever written over;
each cluster has a folder of its own, named by the number that PostgreSQL gave it.
"""

import json
import os
import struct
import sys
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import boto3
import lz4.frame
from botocore.exceptions import BotoCoreError, ClientError

_FOLDER = "frontrow-"
_ENDING = ".lz4"


def cluster_number(control_file: Path) -> int:
    """Return the system identifier, the first eight bytes of `pg_control` since PostgreSQL 8."""
    (number,) = struct.unpack("=Q", control_file.read_bytes()[:8])
    return int(number)


def key_of(prefix: str, server: str, name: str) -> str:
    """Return where barman puts a file of the log."""
    group = name[:16] if len(name) >= 24 else ""
    return "/".join(part for part in (prefix, server, "wals", group, name + _ENDING) if part)


def content_of(s3: Any, bucket: str, key: str) -> bytes | None:
    """Return a file of the log that is there, None for one that isn't."""
    try:
        stored = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return bytes(lz4.frame.decompress(stored))


def archive(s3: Any, url: str, bucket: str, prefix: str, path: str) -> NoReturn:
    """Send a file of the log of the cluster whose folder is the current one."""
    server, name = f"{_FOLDER}{cluster_number(Path('global/pg_control'))}", Path(path).name
    there = content_of(s3, bucket, key_of(prefix, server, name))
    if there is not None:
        if there == Path(path).read_bytes():
            sys.exit(0)
        sys.exit(f"archive: {name} is there already with another content")
    module = "barman.clients.cloud_walarchive"
    words = [sys.executable, "-S", "-m", module, "--lz4", url, server, path]
    os.execv(sys.executable, words)


def keys(s3: Any, bucket: str, prefix: str) -> list[dict[str, Any]]:
    """Return all objects below a prefix."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [one for page in pages for one in page.get("Contents", ())]


def clusters(s3: Any, bucket: str, prefix: str) -> list[str]:
    """Return the clusters that have a folder."""
    start = f"{prefix}/{_FOLDER}" if prefix else _FOLDER
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start, Delimiter="/")
    found = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ())]
    return [one.rstrip("/").rpartition("/")[2].removeprefix(_FOLDER) for one in found]


def logs(s3: Any, bucket: str, prefix: str, server: str) -> list[list[Any]]:
    """Return the files of a cluster's log: name, size in bytes, when it was there (Unix time)."""
    start = "/".join(part for part in (prefix, server, "wals") if part) + "/"
    return [
        [
            one["Key"].rpartition("/")[2].removesuffix(_ENDING),
            one["Size"],
            one["LastModified"].timestamp(),
        ]
        for one in keys(s3, bucket, start)
    ]


def sizes(s3: Any, bucket: str, prefix: str, server: str) -> dict[str, int]:
    """Return the bytes that each copy takes in the bucket."""
    start = "/".join(part for part in (prefix, server, "base") if part) + "/"
    found: dict[str, int] = {}
    for one in keys(s3, bucket, start):
        copy = one["Key"].removeprefix(start).partition("/")[0]
        found[copy] = found.get(copy, 0) + one["Size"]
    return found


def main(words: list[str]) -> None:
    """Do what the words say; what it finds is printed as JSON."""
    verb, url, *rest = words
    place = urlsplit(url)
    bucket, prefix = place.netloc, place.path.strip("/")
    s3 = boto3.client("s3")
    match verb:
        case "archive":
            archive(s3, url, bucket, prefix, *rest)
        case "clusters":
            found: Any = clusters(s3, bucket, prefix)
        case "logs":
            found = logs(s3, bucket, prefix, *rest)
        case "sizes":
            found = sizes(s3, bucket, prefix, *rest)
        case "history":
            server, name = rest
            found = (content_of(s3, bucket, key_of(prefix, server, name)) or b"").decode()
        case _:
            sys.exit(f"bucket: no such thing as {verb}")
    print(json.dumps(found))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"the bucket: {error}")
