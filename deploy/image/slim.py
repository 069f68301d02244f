"""Leave out of installed packages what no process of ours reads: `slim.py FOLDER...`.

Runs in the builder stage on its Python alone. What goes: tests of packages, sources and
descriptions of compiled modules, languages that the site doesn't speak, the descriptions of
Amazon's services that it doesn't call (botocore has four hundred), and the symbols of compiled
modules. It prints what each rule saved, and fails where a rule finds nothing any more: then the
list is out of date.
"""

import shutil
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

LANGUAGES = {"en", "ko"}
# Storage is S3; a pod's role is assumed by STS; rings of keys may lie in Secrets Manager.
SERVICES = {"s3", "sts", "secretsmanager"}
SOURCES = {".c", ".cpp", ".h", ".hpp", ".pxd", ".pyi", ".pyx", ".po", ".rst"}
_ELF64_LITTLE = b"\x7fELF\x02\x01"
# Of the ELF64 header: where the table of sections begins and how many it has; of an entry of the
# table of segments: where a segment begins in the file, and its length there.
_HEADER, _SECTIONS_AT, _SECTIONS_COUNT = 64, 40, 58
_SEGMENTS_AT, _SEGMENTS_COUNT, _SEGMENT_FIELDS = 32, 54, (8, 32)


def tests(root: Path) -> int:
    """Folders of tests inside packages, not a package that is called so."""
    folders = [one for one in root.rglob("tests") if (one.parent / "__init__.py").exists()]
    return _remove(one for one in folders if one.is_dir())


def languages(root: Path) -> int:
    """Languages but those of the site; what lies beside their folders stays."""
    folders = [one.parent for one in root.rglob("locale/*/LC_MESSAGES")]
    return _remove(one for one in folders if one.name not in LANGUAGES)


def services(root: Path) -> int:
    """Descriptions of Amazon's services but those that we call."""
    folders = [one for one in root.rglob("botocore/data/*") if one.is_dir()]
    return _remove(one for one in folders if one.name not in SERVICES)


def sources(root: Path) -> int:
    """Files that only a compiler, a type checker or a translator reads."""
    return _remove([one for one in root.rglob("*") if one.suffix in SOURCES and one.is_file()])


def symbols(root: Path) -> int:
    """What stands behind the last segment of a shared library: symbols for debuggers.

    The loader goes by segments alone (as `sstrip` knows); so do imports, which tests make.
    """
    return sum(_cut(one) for one in root.rglob("*.so*") if one.is_file() and not one.is_symlink())


RULES: tuple[Callable[[Path], int], ...] = (tests, languages, services, sources, symbols)


def _remove(paths: Iterable[Path]) -> int:
    saved = 0
    for path in paths:
        if path.is_dir():
            saved += sum(one.lstat().st_size for one in path.rglob("*") if one.is_file())
            shutil.rmtree(path)
        else:
            saved += path.stat().st_size
            path.unlink()
    return saved


def _cut(path: Path) -> int:
    with path.open("r+b") as file:
        header = bytearray(file.read(_HEADER))
        if header[: len(_ELF64_LITTLE)] != _ELF64_LITTLE:
            return 0
        (table,) = struct.unpack_from("<Q", header, _SEGMENTS_AT)
        length, count = struct.unpack_from("<HH", header, _SEGMENTS_COUNT)
        file.seek(table)
        entries = file.read(length * count)
        end = table + length * count
        for start in range(0, length * count, length):
            begins, long = (
                struct.unpack_from("<Q", entries, start + at)[0] for at in _SEGMENT_FIELDS
            )
            end = max(end, begins + long)
        saved: int = path.stat().st_size - end
        if saved <= 0:
            return 0
        struct.pack_into("<Q", header, _SECTIONS_AT, 0)
        struct.pack_into("<HHH", header, _SECTIONS_COUNT, 0, 0, 0)
        file.seek(0)
        file.write(header)
        file.truncate(end)
    return saved


def slim(roots: list[Path]) -> dict[str, int]:
    """Do what the rules say below the folders; return the bytes that each saved."""
    return {rule.__name__: sum(rule(root) for root in roots) for rule in RULES}


def main() -> None:
    """Say what was saved; exit with the name of a rule that finds nothing."""
    saved = slim([Path(name) for name in sys.argv[1:]])
    for name, count in saved.items():
        print(f"slim: {name} {count / 1e6:.1f} MB")
    if empty := [name for name, count in saved.items() if not count]:
        sys.exit(f"slim: nothing found for {', '.join(empty)}: mend or remove the rule")


if __name__ == "__main__":
    main()
