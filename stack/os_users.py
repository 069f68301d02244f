"""The operating system's user that the servers run as, and a folder that it can reach.

Note [Unprivileged servers]: PostgreSQL refuses to run as root, and for nginx's workers there is no
reason to. Started by root, the stack runs both as `nobody`. That user must read the programs and
own the data, wherever the checkout lies, also below a home that only root can enter. So:

- the servers' data lies in DATA/servers where `nobody` can get there; else in a new folder under
  /var/lib/frontrow (or /var/tmp), and DATA/servers is a link to it: only the link says so, and
  `stack reset` follows it;
- PostgreSQL's programs run from the virtualenv where `nobody` can execute them, else from a copy
  beside the data.

Started by another user, everything belongs to that user and lies in the data folder.
"""

import os
import pwd
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError

OUTSIDE = (Path("/var/lib/frontrow"), Path("/var/tmp/frontrow"))  # noqa: S108  (made 0711 by root)


@dataclass(frozen=True)
class OsUser:
    """A user of the operating system that servers run as."""

    name: str
    uid: int
    gid: int


def unprivileged() -> OsUser | None:
    """Return the user to drop to, None where the stack wasn't started by root."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return OsUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def reachable(path: Path, os_user: OsUser) -> bool:
    """Return whether `os_user` may pass through every folder down to `path`."""
    for folder in [path, *path.parents]:
        with suppress(FileNotFoundError):
            info = folder.stat()
            needed = stat.S_IXOTH
            if info.st_uid == os_user.uid:
                needed = stat.S_IXUSR
            elif info.st_gid == os_user.gid:
                needed = stat.S_IXGRP
            if not info.st_mode & needed:
                return False
    return True


def server_home(data: Path, os_user: OsUser | None, outside: tuple[Path, ...] = OUTSIDE) -> Path:
    """Return the folder for the servers' data, made on first use.

    See Note [Unprivileged servers].
    """
    link = data / "servers"
    if not link.exists():
        link.unlink(missing_ok=True)  # a link whose folder was removed
        if os_user and not reachable(data, os_user):
            home = _new_outside(outside)
            link.symlink_to(home)
            _note_owner(home, data)
        else:
            link.mkdir(mode=0o700)
        if os_user:
            os.chown(link, os_user.uid, os_user.gid)
    return link.resolve()


def _new_outside(outside: tuple[Path, ...]) -> Path:
    for parent in outside:
        try:
            parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        except OSError:
            continue
        if parent.stat().st_uid == os.geteuid() and not parent.is_symlink():
            sweep(parent)
            return Path(tempfile.mkdtemp(dir=parent))
    raise StackError(f"no folder for the servers' data: neither of {', '.join(map(str, outside))}")


def _note_owner(home: Path, data: Path) -> None:
    """Write beside `home` whose it is, at one stroke: another process's sweep may read it."""
    unfinished = home.with_suffix(".unfinished")
    unfinished.write_text(str(data))
    unfinished.rename(home.with_suffix(".owner"))


def sweep(parent: Path) -> None:
    """Remove the folders in `parent` whose data folder is gone; others may sweep at the time."""
    for owner in parent.glob("*.owner"):
        home = owner.with_suffix("")
        with suppress(FileNotFoundError):  # another sweep, or the owner, has removed it meanwhile
            if (Path(owner.read_text()) / "servers").resolve() != home:
                shutil.rmtree(home, ignore_errors=True)
                owner.unlink()


def remove_home(data: Path) -> None:
    """Remove the servers' data, wherever it lies."""
    link = data / "servers"
    if link.is_symlink():
        home = link.resolve()
        shutil.rmtree(home, ignore_errors=True)
        home.with_suffix(".owner").unlink(missing_ok=True)
        link.unlink()
    else:
        shutil.rmtree(link, ignore_errors=True)


def give(path: Path, os_user: OsUser | None) -> Path:
    """Hand `path` to `os_user`, where there is one; return it."""
    if os_user:
        os.chown(path, os_user.uid, os_user.gid)
    return path


def private_file(path: Path, text: str, os_user: OsUser | None = None) -> Path:
    """Write `text` to `path`, readable by its owner alone from the first byte; return it."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return give(path, os_user)


def private_folder(path: Path, os_user: OsUser | None = None) -> Path:
    """Make `path` a folder for its owner alone; return it."""
    path.mkdir(mode=0o700, exist_ok=True)
    return give(path, os_user)
