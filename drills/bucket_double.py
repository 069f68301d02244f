"""A bucket on this machine, by moto: a double of S3 for drills and tests, never for a site."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Self

import boto3

from stack.errors import StackError
from stack.process import wait_until
from stack.service import HOST, free_ports, listens

BUCKET = "frontrow-backups"
_READY_SECONDS = 60.0
# moto believes anybody.
_KEYS = {"AWS_ACCESS_KEY_ID": "double", "AWS_SECRET_ACCESS_KEY": "double"}


class BucketDouble:
    """moto's server with an empty bucket, as a context; `environment` leads to it.

    Raises StackError where moto isn't installed. Its content lives in its memory.
    """

    def __init__(self) -> None:
        [self._port] = free_ports(1)
        self._server: subprocess.Popen[bytes] | None = None
        self.environment = {
            **_KEYS,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{HOST}:{self._port}",
            "BACKUP_URL": f"s3://{BUCKET}/site",
        }

    def __enter__(self) -> Self:
        if find_spec("moto") is None:
            raise StackError("moto, the double of S3, is not installed: make setup-dev")
        words = [sys.executable, "-m", "moto.server", "--host", HOST, "--port", str(self._port)]
        with tempfile.TemporaryFile() as log:
            self._server = subprocess.Popen(words, stdout=log, stderr=log)
            if not wait_until(lambda: listens(self._port), _READY_SECONDS):
                self.__exit__()
                log.seek(0)
                raise StackError(f"moto does not start: {log.read().decode()[-500:]}")
        client(self.environment).create_bucket(Bucket=BUCKET)
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def silence(self) -> None:
        """Let it answer nobody: who asks waits, as behind a network that drops all."""
        self._signal(signal.SIGSTOP)

    def answer(self) -> None:
        """Let it answer again, those too who wait still."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._server is not None, "it runs"
        self._server.send_signal(number)


@contextmanager
def bucket_double() -> Iterator[dict[str, str]]:
    """Run a double; yield the environment that leads to it. Raises StackError."""
    with BucketDouble() as double:
        yield double.environment


def client(environment: dict[str, str]) -> "boto3.client":
    """Return a client of the bucket's server."""
    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def objects(environment: dict[str, str]) -> dict[str, float]:
    """Return the keys of all that lies in the bucket, and since when (Unix time)."""
    pages = client(environment).get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return {
        one["Key"]: one["LastModified"].timestamp()
        for page in pages
        for one in page.get("Contents", ())
    }


def remove_log_file(environment: dict[str, str], name: str) -> None:
    """Delete one file of the log from the archive. Raises LookupError where it isn't there."""
    found = [key for key in objects(environment) if f"/{name}." in key]
    if not found:
        raise LookupError(f"the archive has no {name}")
    s3 = client(environment)
    for key in found:
        s3.delete_object(Bucket=BUCKET, Key=key)
