"""The last release's own tests pass on a schema that grew, and fail where what it reads is gone."""

import subprocess

import pytest

from deploy.cluster import previous
from release import compatibility
from release.compatibility import ROOT

# Few, and of both kinds: some read the table that is changed.
READS, READS_NOT = "tests/api/test_points.py", "tests/api/test_jwks.py"
GROWN = """
ALTER TABLE points_account ADD COLUMN planted text NULL;
ALTER TABLE points_account ADD COLUMN planted_number integer NOT NULL DEFAULT 3;
ALTER TABLE points_account ADD CONSTRAINT planted_words CHECK (planted <> '') NOT VALID;
CREATE TABLE points_planted (id bigserial PRIMARY KEY, number integer NOT NULL);
"""
CONTRACTED = 'ALTER TABLE "points_account" DROP COLUMN "balance" CASCADE;'


@pytest.fixture
def planted(tmp_path):
    """Return what makes a checkout with one more migration, of the statements given."""

    def plant(statements: str):
        root = tmp_path / "planted"
        clone = ("git", "clone", "--quiet", "--shared", str(ROOT), str(root))
        subprocess.run(clone, check=True)
        folder = root / "points" / "migrations"
        [*_, last] = sorted(one.stem for one in folder.glob("0*.py"))
        (folder / "0999_planted.py").write_text(
            "from django.db import migrations\n\n\n"
            "class Migration(migrations.Migration):\n"
            f'    dependencies = [("points", "{last}")]\n'
            f'    operations = [migrations.RunSQL("""{statements}""")]\n'
        )
        return root

    return plant


def check(root):
    return compatibility.check(previous.commit(), tier="quick", root=root, only=[READS, READS_NOT])


def test_what_a_release_adds_leaves_the_last_one_at_work(planted):
    outcome = check(planted(GROWN))
    assert (outcome.failed, outcome.failed_before) == ((), ())
    assert outcome.tests > 20


@pytest.mark.control
def test_control_a_column_that_the_last_release_reads_is_missed(planted):
    outcome = check(planted(CONTRACTED))
    assert outcome.failed
    assert all(one.startswith("tests.api.test_points.") for one in outcome.failed)
    assert outcome.failed_before == ()
    assert [one for one in outcome.findings if "DROP_COLUMN points_account" in one]
