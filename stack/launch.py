"""Prepare a process and become the program it is to run.

    python -I -S launch.py PARENT_PID DEATH_SIGNAL UID GID NICENESS PROGRAM [ARGUMENT...]

Between fork and exec a supervisor that has threads may do almost nothing safely, so what a child
needs (another user, the end of its parent as a signal, the full file limit) is done here, in a
process of its own that then execs the program: `ps` shows the program alone.
"""

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
KEEP_USER = -1


def raise_file_limit() -> None:
    """Lift the soft limit of open files to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stand_back(niceness: int) -> None:
    """Let others have the processor first.

    Where Linux groups processes by session (autogroup), a niceness counts within its group only;
    the group, which is this process's own, has another.
    """
    os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))


def end_with(parent: int, death_signal: int) -> None:
    """Let this process get a signal (0: none) when its parent ends; end at once if it has.

    A change of user clears it.
    """
    if not death_signal or sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:  # it ended before the request was made
        sys.exit(128 + signal.SIGTERM)


def main() -> None:
    parent, death_signal, uid, gid, niceness = (int(argument) for argument in sys.argv[1:6])
    raise_file_limit()
    if niceness:
        stand_back(niceness)
    if uid != KEEP_USER:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    end_with(parent, death_signal)
    # Python ignores SIGPIPE and an ignored signal survives exec; servers expect the default.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(sys.argv[6], sys.argv[6:])
    except OSError as error:
        sys.exit(f"{sys.argv[6]}: {error.strerror}")


if __name__ == "__main__":
    main()
