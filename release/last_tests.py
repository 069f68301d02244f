"""Which tests of the last release speak for its code on another schema.

Note [The last release on the new schema]
While a release comes in, and after it is taken back, the last release's code works on a schema that
it has never seen. So its own tests of use cases are run on that schema: the ones that reach the
product by its API and its use cases and read rows back. What looks at the schema itself, or at
files beside the code, says nothing about that and is left out, each with its reason. A test that
fails is run once more on the schema that the last release makes itself: what fails there too had
failed before, and is no fault of the new schema.
"""

from pathlib import Path

from stack.errors import StackError

# The API alone is what fans feel first; the rest takes as long as half of all tests.
TIERS: dict[str, tuple[str, ...]] = {
    "quick": ("tests/api",),
    "all": ("tests/api", "tests/concurrency", "tests/integration", "tests/pages"),
}
_CATALOGUE = "compares the database's own catalogue with the last release's code"
_FILES = "compares files of the repository, or needs its history"
LEFT_OUT: dict[str, str] = {
    "tests/api/test_gateway_words.py": _FILES,
    "tests/integration/test_constraints.py": _CATALOGUE,
    "tests/integration/test_database_rules.py": _CATALOGUE,
    "tests/integration/test_release_migrations.py": _FILES,
}


def arguments(tree: Path, tier: str) -> list[str]:
    """Return what pytest has to be given for a tier of the tests in `tree`.

    Raises StackError where the last release has no such tests: nothing would have been compared.
    """
    missing = [place for place in TIERS[tier] if not (tree / place).is_dir()]
    if missing:
        raise StackError(f"the last release has no {', '.join(missing)}")
    return [*TIERS[tier], *(f"--ignore={path}" for path in LEFT_OUT if (tree / path).exists())]
