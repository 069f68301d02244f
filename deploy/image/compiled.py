"""Compile what our processes import, so that no start has to: `compiled.py FOLDER`.

Runs in the builder stage, on the packages and the code of the image. Nothing can be written where
they run. Compiled by hash that nobody checks: the result is the same at each build, and a start
looks at no source. What is never imported stays as it is: most modules of the packages. Those of
the standard library, which lies in the base, go into FOLDER at their places.
"""

import importlib.util
import pkgutil
import py_compile
import sys
import sysconfig
from pathlib import Path

import django

CODE = Path.cwd()
# What starts our processes and what they load by name, beside our own modules.
PROGRAMS = (
    "celery.__main__", "celery.apps.beat", "celery.apps.worker", "celery.bin.celery",
    "celery.concurrency.thread", "celery.worker.strategy", "celery.worker.consumer",
    "celery.backends.redis", "django.core.management.commands.check",
    "django.core.management.commands.migrate", "django.core.wsgi", "flower.app", "flower.command",
    "flower.urls", "granian.__main__", "granian.server.mp", "kombu.transport.redis",
    "psycopg_pool", "storages.backends.s3", "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
)  # fmt: skip
# They start threads or servers when they are imported.
NOT_HERE = {"config.wsgi", "manage"}


def import_all() -> list[str]:
    """Import the programs and all modules of the code; return those of the code that can't be."""
    django.setup()
    ours = [one.name for one in pkgutil.iter_modules([str(CODE)]) if one.ispkg]
    names = [*PROGRAMS, *(name for package in ours for name in _modules(package))]
    failed = []
    for name in names:
        if name in NOT_HERE or name.endswith("__main__"):
            continue
        try:
            importlib.import_module(name)
        except Exception as error:  # some want servers or options
            if name in PROGRAMS:
                raise
            failed.append(f"{name}: {error!r}")
    return failed


def _modules(package: str) -> list[str]:
    found = importlib.import_module(package)
    return [one.name for one in pkgutil.walk_packages(found.__path__, f"{package}.")]


def compile_imported(apart: Path) -> int:
    """Compile every module that is imported now, and our own code; return how many."""
    library = Path(sysconfig.get_path("stdlib")).resolve()
    files = {
        Path(name).resolve()
        for one in list(sys.modules.values())
        if (name := getattr(one, "__file__", None) or "").endswith(".py")
    }
    for file in files | set(CODE.rglob("*.py")):
        cached = Path(importlib.util.cache_from_source(str(file)))
        if file.is_relative_to(library):
            cached = apart / cached.relative_to("/")
        py_compile.compile(
            str(file),
            cfile=str(cached),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    return len(files)


def main() -> None:
    """Compile, and say what could not be imported."""
    for line in import_all():
        print(f"compiled: not {line[:200]}")
    print(f"compiled: {compile_imported(Path(sys.argv[1]))} modules")


if __name__ == "__main__":
    main()
