"""Python programs that the servers' user runs: an interpreter it can reach, and their packages.

Note [An interpreter for the servers' user]
Patroni starts PostgreSQL and PostgreSQL starts what archives its log, so both run as the servers'
user (Note [Unprivileged servers]). Where that user can't reach the virtualenv's interpreter, the
machine's own of the same minor version does: the packages, which stand in a folder of their own,
are compiled for that version. With -S it looks at no other packages.
"""

import importlib.util
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError
from stack.os_users import OsUser, reachable
from stack.packages import installed
from stack.postgres.binaries import ends_well
from stack.process import Command, Tools
from stack.service import server_environment

REQUIREMENTS = Path(__file__).parents[1] / "requirements"


@dataclass(frozen=True)
class PythonProgram:
    """How it is run: an interpreter and the folder of the packages."""

    interpreter: Path
    packages: Path

    def argv(self, *arguments: str) -> tuple[str, ...]:
        """Return the command line for the interpreter's `arguments`."""
        return (str(self.interpreter), "-S", *arguments)

    def environment(self, home: Path) -> dict[str, str]:
        """Return the environment that it needs."""
        return server_environment({"HOME": str(home), "PYTHONPATH": str(self.packages)})


def python_program(
    name: str,
    requirements: str,
    home: Path,
    os_user: OsUser | None,
    tools: Tools,
    *,
    module: str = "",
) -> PythonProgram:
    """Return the program `name` by `requirements/{requirements}.txt`, installed at first use.

    It stands in a folder below `home`, unless the virtualenv has `module` where the servers' user
    gets to. Raises StackError where this machine can't have it.
    """
    interpreter = _interpreter(name, os_user)
    ours = _of_virtualenv(module, os_user) if module else None
    return PythonProgram(
        interpreter, ours or installed(REQUIREMENTS / f"{requirements}.txt", home, tools)
    )


def _interpreter(program: str, os_user: OsUser | None) -> Path:
    """See Note [An interpreter for the servers' user]."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [sys.executable, shutil.which(name, path="/usr/local/bin:/usr/bin")]
    for found in candidates:
        if found and _runs(found, os_user):
            return Path(found)
    user = os_user.name if os_user else "this user"
    raise StackError(f"{program} needs a {name} that {user} can run")


def _runs(interpreter: str, os_user: OsUser | None) -> bool:
    version = f"import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    return ends_well(Command((interpreter, "-S", "-c", version), os_user=os_user))


def _of_virtualenv(module: str, os_user: OsUser | None) -> Path | None:
    """Return the virtualenv's packages, where `module` is among them and all may read them."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    return package.parent if os_user is None or reachable(package, os_user) else None
