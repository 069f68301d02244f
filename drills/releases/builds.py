"""The builds that are released: the product as it is, and copies of it with one thing wrong."""

import compileall
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drills.drill import GuardEdit
from drills.guards import copy_without

_FAULTS = Path(__file__).with_name("faults")
_INNERMOST = '    "django_prometheus.middleware.PrometheusAfterMiddleware",\n]'
_WITH_FAULT = GuardEdit(
    "config/settings/base.py",
    _INNERMOST,
    _INNERMOST.replace("]", '    "release_fault.FaultMiddleware",\n]'),
)


@dataclass(frozen=True, slots=True)
class Build:
    """One build: `fault` is a module of drills/releases/faults, `edits` change the product."""

    name: str
    fault: str = ""
    edits: Sequence[GuardEdit] = ()


GOOD = Build("good")
FAILING = Build("failing", fault="failing")
SLOW = Build("slow", fault="slow")
LEAKING = Build("leaking", fault="leaking")
CRASHING = Build(
    "crashing",
    edits=(
        GuardEdit(
            "config/wsgi.py",
            "django = get_wsgi_application()",
            'raise SystemExit("a setting is missing")',
        ),
    ),
)
# Seats that were paid for are free again: the next fan would buy them.
OVERSELLING = Build(
    "overselling",
    edits=(
        GuardEdit(
            "reservations/operations/lifecycle.py",
            "SET status = 'RESERVED', held_until = NULL",
            "SET status = 'AVAILABLE', held_until = NULL, reservation_id = NULL",
        ),
    ),
)
DEAD_LETTERING = Build(
    "dead-lettering",
    edits=(
        GuardEdit("events/handling.py", "if self._consumer.handle_many is None:", "if True:"),
        GuardEdit(
            "events/handling.py",
            "                    applied = apply_once(",
            '                    raise ValueError("of an unknown shape")\n'
            "                    applied = apply_once(",
        ),
    ),
)


class Builds:
    """The folders of builds, each made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def code_of(self, build: Build) -> Path:
        """Return the folder of a build's code. Raises `GuardNotFound`."""
        code = self._folder / build.name
        if not code.is_dir():
            code.mkdir(parents=True)
            edits = (*build.edits, *([_WITH_FAULT] if build.fault else ()))
            copy_without(edits, code)
            if build.fault:
                shutil.copy(_FAULTS / f"{build.fault}.py", code / "release_fault.py")
            # As an image is built: no pod compiles while fans wait.
            compileall.compile_dir(code, quiet=2, workers=1)
        return code
