"""The archive: a bucket with copies of PostgreSQL and all of its log, by barman-cloud.

Note [Sixty seconds at most]
What is lost with a machine is what its log had not brought to the bucket. PostgreSQL hands a file
over when it is full, and after `archive_timeout` whatever is in it; then it has to be sent. 50 s,
and not 60, so that the sending fits into the minute that is promised.
"""

import json
import os
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stack.data_dir import DataDir
from stack.errors import StackError
from stack.os_users import OsUser
from stack.process import Command, Tools
from stack.python_program import PythonProgram, python_program

VARIABLE = "BACKUP_URL"
TIMEOUT = "50s"  # Note [Sixty seconds at most]
_SCRIPT = Path(__file__).with_name("bucket.py")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(/[A-Za-z0-9._-]+)*/?")
_CALL_SECONDS = 120.0


class ArchiveRefused(StackError):
    """The archive cannot give what was asked for; nothing was made."""


@dataclass(frozen=True)
class BaseBackup:
    """A copy of a whole cluster; it is usable from `ended` on."""

    id: str
    began: datetime
    ended: datetime
    begin_wal: str
    end_wal: str
    size: int  # bytes in the bucket, packed

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "id": self.id,
            "began": self.began.isoformat(),
            "ended": self.ended.isoformat(),
            "begin_wal": self.begin_wal,
            "end_wal": self.end_wal,
            "size_bytes": self.size,
        }


@dataclass(frozen=True)
class LogFile:
    """A file of the log in the bucket, there since `stored` (Unix time)."""

    name: str
    size: int
    stored: float


def check_url(url: str) -> str:
    """Return BACKUP_URL without a slash at its end. Raises StackError for nonsense."""
    place = urlsplit(url)
    is_plain = not (place.query or place.fragment)
    if not (
        place.scheme == "s3"
        and _BUCKET.fullmatch(place.netloc)
        and _PREFIX.fullmatch(place.path)
        and is_plain
    ):
        raise StackError(f"{VARIABLE}={url} is not of the form s3://bucket/prefix")
    return url.rstrip("/")


@dataclass(frozen=True)
class Archive:
    """A bucket and the programs that fill and read it, run as the servers' user."""

    url: str
    program: PythonProgram
    home: Path
    os_user: OsUser | None
    tools: Tools
    credentials: Mapping[str, str] = field(repr=False)

    @property
    def script(self) -> Path:
        """Where the copy of bucket.py is that the servers' user gets to."""
        return self.home / "bucket.py"

    def settings(self) -> dict[str, str]:
        """Return PostgreSQL's settings that fill the archive."""
        return {
            "archive_mode": "on",
            "archive_command": self._shell("archive", self.url) + " %p",
            "archive_timeout": TIMEOUT,
        }

    def restore_command(self, cluster: str) -> str:
        """Return what fetches a file of a cluster's log, for postgresql.conf."""
        module = ("-m", "barman.clients.cloud_walrestore", "--no-partial")
        words = [*self._argv(*module), self.url, server_of(cluster)]
        return self._escaped(words) + " %f %p"

    def _shell(self, *words: str) -> str:
        return self._escaped(self._argv(str(self.script), *words))

    def _argv(self, *words: str) -> list[str]:
        # Patroni's own packages are in the environment that its PostgreSQL inherits.
        packages = f"PYTHONPATH={self.program.packages}"
        return ["/usr/bin/env", packages, *self.program.argv(*words)]

    @staticmethod
    def _escaped(words: list[str]) -> str:
        return shlex.join(words).replace("%", "%%")

    def environment(self) -> dict[str, str]:
        """Return what a server needs in its environment to get to the bucket."""
        return dict(self.credentials)

    def install(self) -> None:
        """Lay the script where the servers' user gets to."""
        unfinished = self.script.with_suffix(".new")
        shutil.copyfile(_SCRIPT, unfinished)
        unfinished.chmod(0o644)
        unfinished.rename(self.script)

    def run(self, module: str, *words: str, seconds: float = _CALL_SECONDS, **env: str) -> str:
        """Run one of barman's programs to its end and return what it printed.

        Raises StackError when it fails.
        """
        return self._run("-m", f"barman.clients.{module}", *words, seconds=seconds, **env)

    def clusters(self) -> list[str]:
        """Return the numbers of the clusters that are in the archive."""
        return [str(one) for one in self._asked("clusters", self.url)]

    def log(self, cluster: str) -> list[LogFile]:
        """Return the files of a cluster's log that are there, in the order of their names."""
        found = self._asked("logs", self.url, server_of(cluster))
        return sorted((LogFile(*one) for one in found), key=lambda one: one.name)

    def history(self, cluster: str, timeline: int) -> str:
        """Return a timeline's history file, empty where there is none."""
        name = f"{timeline:08X}.history"
        return str(self._asked("history", self.url, server_of(cluster), name))

    def backups(self, cluster: str) -> list[BaseBackup]:
        """Return the copies that are whole, the oldest first."""
        said = self.run("cloud_backup_list", "--format", "json", self.url, server_of(cluster))
        found = [one for one in json.loads(said)["backups_list"] if one["status"] == "DONE"]
        sizes = self._asked("sizes", self.url, server_of(cluster)) if found else {}
        return sorted(
            (
                BaseBackup(
                    id=one["backup_id"],
                    began=_moment(one["begin_time_iso"]),
                    ended=_moment(one["end_time_iso"]),
                    begin_wal=one["begin_wal"],
                    end_wal=one["end_wal"],
                    size=int(sizes.get(one["backup_id"], 0)),
                )
                for one in found
            ),
            key=lambda one: one.ended,
        )

    def _asked(self, verb: str, *words: str) -> Any:
        return json.loads(self._run(str(self.script), verb, *words))

    def _run(self, *words: str, seconds: float = _CALL_SECONDS, **env: str) -> str:
        command = Command(
            argv=self.program.argv(*words),
            environment=self.program.environment(self.home) | self.environment() | env,
            directory=self.home,
            os_user=self.os_user,
        )
        return self.tools.run(command, timeout=seconds).stdout


def server_of(cluster: str) -> str:
    """Return the folder of a cluster in the archive."""
    return f"frontrow-{cluster}"


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def archive_of(
    data_dir: DataDir, tools: Tools, environment: Mapping[str, str] = os.environ
) -> Archive | None:
    """Return the archive that the environment names, None where it names none.

    Raises StackError for nonsense, and where this machine can't have barman.
    """
    url = environment.get(VARIABLE)
    if not url:
        return None
    url = check_url(url)
    credentials = {name: value for name, value in environment.items() if name.startswith("AWS_")}
    if "AWS_REGION" in credentials:  # the name that boto3 reads
        credentials.setdefault("AWS_DEFAULT_REGION", credentials["AWS_REGION"])
    user = data_dir.os_user
    found = python_program("Barman", "backups", data_dir.home, user, tools, module="barman")
    archive = Archive(url, found, data_dir.home, user, tools, credentials)
    archive.install()
    return archive
