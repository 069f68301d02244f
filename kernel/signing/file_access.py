"""Who may read the key ring's file.

Two forms are taken. A file that its owner alone can read or write (mode 0600) is what `manage.py
keys` makes. A secret that Kubernetes mounts belongs to root and can be neither owned nor written by
the process: `fsGroup` gives it a group that the process is in, and the mode is 0440.
"""

import os
import stat
from collections.abc import Collection

_OWNERS_ALONE = 0o077  # what group and others must not have
_MOUNTED = 0o440


def own_groups() -> set[int]:
    """Return the groups of this process."""
    return {os.getegid(), *os.getgroups()}


def objection(status: os.stat_result, groups: Collection[int]) -> str:
    """Return why a process in these groups must not use the file; empty where it may.

    Exactly 0440 in the second form: one bit more lets the group write, or others read.
    """
    mode = stat.S_IMODE(status.st_mode)
    if not mode & _OWNERS_ALONE:
        return ""
    if status.st_uid != 0 or mode != _MOUNTED:
        return (
            "must be readable by its owner alone (mode 0600), or be root's and readable by a group"
            f" of this process (mode 0440); it is {mode:04o} of user {status.st_uid}"
        )
    if status.st_gid not in groups:
        return f"is for group {status.st_gid}, and this process is not in it (fsGroup)"
    return ""
