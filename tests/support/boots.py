"""Boot the application in many environments, each in a fork of one process that knows Django."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
# Libraries that look at no settings when they are imported: what takes most of a boot.
_LIBRARIES = (
    *("celery", "confluent_kafka", "cryptography.hazmat.primitives.serialization", "django"),
    *("django.core.management", "django.db.models", "django.forms", "django.template", "httpx"),
    *("jwt", "PIL.Image", "prometheus_client", "psycopg", "psycopg_pool", "redis.cluster"),
)
_PROGRAM = """
import importlib, json, os, sys, tempfile, traceback
for name in sys.argv[1:]:
    importlib.import_module(name)
for line in sys.stdin:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os.environ.clear()
            os.environ.update(json.loads(line))
            try:
                import django
                django.setup()
                import config.urls
                print("booted", flush=True)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    print(json.dumps([status, *texts]), flush=True)
"""


@dataclass(frozen=True)
class Booted:
    """How a boot went: its exit code, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class Boots:
    """A context manager: the process, until its end."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *_LIBRARIES],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin"},  # no settings: each boot has its own
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=30)

    def boot(self, environment: Mapping[str, str]) -> Booted:
        """Set Django up with these variables alone."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(dict(environment)) + "\n")
        self._process.stdin.flush()
        return Booted(*json.loads(self._process.stdout.readline()))
