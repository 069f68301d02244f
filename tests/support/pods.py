"""Processes of the built image, as a pod runs them, without a cluster and without control groups.

`buildah run --isolation chroot` runs a command in the image, but its root can be written to and a
process isn't the first of its container. `Pod` makes what counts: the image's files read-only,
`/tmp` and the metric files in memory, volumes where they are mounted, user 10001 without a
privilege and with the group of `fsGroup`, and the process as number 1, which hears of SIGTERM only
by a handler of its own. Needs root, as buildah's chroot does.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from stack.data_dir import default_data

ROOT = Path(__file__).resolve().parents[2]
IMAGE = os.environ.get("IMAGE", "localhost/frontrow:built")
USER, FS_GROUP = 10001, 2000
IN_MEMORY = ("/tmp", "/run/metrics")
_APART = ("/usr/bin/unshare", "--mount", "--pid", "--fork", "--kill-child", "--")
# Run in mount and process namespaces of its own, which end with it: nothing is left behind.
_INSIDE = """
set -eu
root=$1; shift
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
while [ "$1" != -- ]; do
  case $1 in
    memory) mount -t tmpfs -o "mode=1777,size=64m" tmpfs "$root$2"; shift 2 ;;
    writable) mount --bind "$2" "$root$3"; shift 3 ;;
    reading) mount --bind "$2" "$root$3"; mount -o remount,bind,ro "$root$3"; shift 3 ;;
  esac
done
shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
cd "$root"
exec chroot "$root" /usr/bin/env --chdir="$WORKDIR" setpriv --reuid="$AS" --regid="$AS" \\
  --groups="$FS_GROUP" --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
"""


def buildah(*arguments: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
    """Run buildah on the images of `make image`; the caller looks at its exit code."""
    data = default_data() / "image"
    places = ("--root", str(data / "storage"), "--runroot", str(data / "running"))
    return subprocess.run(
        ["buildah", *places, *arguments],
        env={**os.environ, "TMPDIR": str(data / "tmp"), "BUILDAH_ISOLATION": "chroot"},
        capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip


def said(*arguments: str) -> str:
    """Return what buildah printed; fails with its error."""
    done = buildah(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class BuiltImage:
    """A context manager: a container of the image, its files mounted, until its end."""

    def __enter__(self) -> Self:
        self.container = said("from", "--pull=never", IMAGE)
        self.files = Path(said("mount", self.container))
        for folder in IN_MEMORY:  # what a container's runtime makes before it mounts there
            (self.files / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        said("umount", self.container)
        said("rm", self.container)

    @cached_property
    def document(self) -> dict[str, Any]:
        """What the image says of itself."""
        return dict(json.loads(said("inspect", "--type", "image", IMAGE)))

    @property
    def config(self) -> dict[str, Any]:
        """Environment, command, user and labels, as a container's runtime reads them."""
        return dict(self.document["OCIv1"]["config"])

    @cached_property
    def environment(self) -> dict[str, str]:
        return dict(word.split("=", 1) for word in self.config["Env"])

    def run(
        self, *command: str, environment: Mapping[str, str] | None = None, user: str = str(USER)
    ) -> subprocess.CompletedProcess[str]:
        """Run a command by `buildah run`; the root can be written to, as the files' modes allow."""
        given = [f"--env={name}={value}" for name, value in (environment or {}).items()]
        return buildah("run", "--user", user, *given, self.container, "--", *command)


@dataclass
class Pod:
    """A process of the image; a context manager that ends it, and waits until it has ended.

    `reading` and `writable` lead folders of this machine to places in the pod.
    """

    image: BuiltImage
    command: Sequence[str]
    environment: Mapping[str, str]
    reading: Mapping[Path, str] = field(default_factory=dict)
    writable: Mapping[Path, str] = field(default_factory=dict)
    group: int = FS_GROUP

    def __enter__(self) -> Self:
        words = [word for folder in IN_MEMORY for word in ("memory", folder)]
        for kind, volumes in (("reading", self.reading), ("writable", self.writable)):
            for source, place in volumes.items():
                (self.image.files / place.lstrip("/")).mkdir(parents=True, exist_ok=True)
                words += [kind, str(source), place]
        environment = {
            **self.image.environment, **self.environment, "AS": str(USER),
            "FS_GROUP": str(self.group), "WORKDIR": self.image.config["WorkingDir"],
        }  # fmt: skip
        self._output = tempfile.TemporaryFile("w+")
        # PATH is the image's, and names this machine's programs too.
        self.process = subprocess.Popen(
            [*_APART, "/bin/sh", "-c", _INSIDE, "pod", str(self.image.files), *words,
             "--", *self.command],
            env=environment, stdin=subprocess.DEVNULL, stdout=self._output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if error is not None:
            sys.stderr.write(self.output()[-4000:])
        self._output.close()

    def output(self) -> str:
        """Return what it has written so far."""
        self._output.seek(0)
        return self._output.read()

    def finish(self, *, seconds: float) -> tuple[int, str]:
        """Wait for its own end; return its exit code and all that it wrote."""
        code = self.process.wait(timeout=seconds)
        return code, self.output()

    @property
    def first(self) -> psutil.Process:
        """The process that is number 1 inside."""
        [first] = psutil.Process(self.process.pid).children()
        return first

    def terminate(self) -> None:
        """Send SIGTERM to number 1, as a node's agent does."""
        self.first.send_signal(signal.SIGTERM)

    def has(self, path: str) -> bool:
        """Tell whether the file is there, as the process sees it."""
        family = psutil.Process(self.process.pid).children()
        return any(Path(f"/proc/{one.pid}/root{path}").exists() for one in family)

    def memory_bytes(self) -> int:
        """Return the proportional memory of all its processes."""
        family = [self.first, *self.first.children(recursive=True)]
        return sum(one.memory_full_info().pss for one in family)
