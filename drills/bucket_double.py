"""A bucket on this machine, by moto: a double of S3 for drills and tests, never for a site."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import boto3

from stack.errors import StackError
from stack.process import wait_until
from stack.service import HOST, free_ports, listens

BUCKET = "frontrow-backups"
_READY_SECONDS = 60.0
# moto believes anybody.
_KEYS = {"AWS_ACCESS_KEY_ID": "double", "AWS_SECRET_ACCESS_KEY": "double"}


@contextmanager
def bucket_double() -> Iterator[dict[str, str]]:
    """Run moto's server with an empty bucket; yield the environment that leads to it.

    Raises StackError where moto isn't installed.
    """
    if find_spec("moto") is None:
        raise StackError("moto, the double of S3, is not installed: make setup-dev")
    [port] = free_ports(1)
    words = [sys.executable, "-m", "moto.server", "--host", HOST, "--port", str(port)]
    with tempfile.TemporaryDirectory(prefix="frontrow-bucket-") as folder:
        log = Path(folder) / "moto.log"
        with log.open("wb") as output:
            server = subprocess.Popen(words, stdout=output, stderr=output)
        try:
            if not wait_until(lambda: listens(port), _READY_SECONDS):
                raise StackError(f"moto does not start: {log.read_text(errors='replace')[-500:]}")
            environment = {
                **_KEYS,
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
                "BACKUP_URL": f"s3://{BUCKET}/site",
            }
            client(environment).create_bucket(Bucket=BUCKET)
            yield environment
        finally:
            server.terminate()
            server.wait()


def client(environment: dict[str, str]) -> "boto3.client":
    """Return a client of the bucket's server."""
    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def remove_log_file(environment: dict[str, str], name: str) -> None:
    """Delete one file of the log from the archive. Raises LookupError where it isn't there."""
    s3 = client(environment)
    found = [
        one["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        for one in page.get("Contents", ())
        if f"/{name}." in one["Key"]
    ]
    if not found:
        raise LookupError(f"the archive has no {name}")
    for key in found:
        s3.delete_object(Bucket=BUCKET, Key=key)
