"""Leave out of installed packages what no process of ours reads: `slim.py FOLDER...`.

Runs in the builder stage on its Python alone. What goes: tests of packages, sources and
descriptions of compiled modules, languages that the site doesn't speak, and the descriptions of
Amazon's services that it doesn't call (botocore has four hundred). It prints what each rule saved,
and fails where a rule finds nothing any more: then the list is out of date.
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

LANGUAGES = {"en", "ko"}
# Storage is S3; a pod's role is assumed by STS; rings of keys may lie in Secrets Manager.
SERVICES = {"s3", "sts", "secretsmanager"}
SOURCES = {".c", ".cpp", ".h", ".hpp", ".pxd", ".pyi", ".pyx", ".po", ".rst"}


def tests(root: Path) -> Iterator[Path]:
    """Folders of tests inside packages, not a package that is called so."""
    for folder in root.rglob("tests"):
        if folder.is_dir() and (folder.parent / "__init__.py").exists():
            yield folder


def languages(root: Path) -> Iterator[Path]:
    """Languages but those of the site; what lies beside the folders stays."""
    for locale in root.rglob("locale"):
        for folder in locale.iterdir():
            if (folder / "LC_MESSAGES").is_dir() and folder.name not in LANGUAGES:
                yield folder


def services(root: Path) -> Iterator[Path]:
    """Descriptions of Amazon's services but those that we call."""
    for data in root.rglob("botocore/data"):
        yield from (one for one in data.iterdir() if one.is_dir() and one.name not in SERVICES)


def sources(root: Path) -> Iterator[Path]:
    """Files that only a compiler, a type checker or a translator reads."""
    yield from (one for one in root.rglob("*") if one.suffix in SOURCES and one.is_file())


RULES: tuple[Callable[[Path], Iterator[Path]], ...] = (tests, languages, services, sources)


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(one.lstat().st_size for one in files if not one.is_dir() or one.is_symlink())


def slim(roots: list[Path]) -> dict[str, int]:
    """Remove what the rules name below the folders; return the bytes that each saved."""
    saved: dict[str, int] = {}
    for rule in RULES:
        found = [path for root in roots for path in rule(root)]
        saved[rule.__name__] = sum(size(path) for path in found)
        for path in found:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    return saved


def main() -> None:
    """Say what was saved; exit with the name of a rule that finds nothing."""
    saved = slim([Path(name) for name in sys.argv[1:]])
    for name, count in saved.items():
        print(f"slim: {name} {count / 1e6:.1f} MB")  # noqa: T201
    if empty := [name for name, count in saved.items() if not count]:
        sys.exit(f"slim: nothing found for {', '.join(empty)}: mend or remove the rule")


if __name__ == "__main__":
    main()
