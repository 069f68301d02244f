"""Prove the codes that are there, and let no two that read alike into a layout.

Neither keeps readers or buyers waiting: checks are validated, and the indexes built, beside them. A
build that was cut short leaves an index that isn't valid; it is dropped before the next one.
"""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models

from kernel.db.spelling import Folded

UNIQUE = {
    "pricegrade": models.UniqueConstraint(
        "performance", Folded("code"), name="concerts_grade_code_reads_once"
    ),
    "section": models.UniqueConstraint(
        "performance", Folded("code"), name="concerts_section_code_reads_once"
    ),
    "seat": models.UniqueConstraint(
        "section", Folded("row"), Folded("number"), name="concerts_seat_reads_once"
    ),
}


def build(apps, schema_editor):
    for name, constraint in UNIQUE.items():
        model = apps.get_model("concerts", name)
        made = str(constraint.create_sql(model, schema_editor))
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {constraint.name}")
        schema_editor.execute(
            made.replace("CREATE UNIQUE INDEX", "CREATE UNIQUE INDEX CONCURRENTLY", 1)
        )


def drop(apps, schema_editor):
    for constraint in UNIQUE.values():
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {constraint.name}")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('concerts', '0003_texts_that_read_alike'),
    ]

    operations = [
        # Each of these looks at every seat there is.
        migrations.RunSQL("SET statement_timeout = 0", "RESET statement_timeout"),
        ValidateConstraint('pricegrade', 'concerts_grade_code_canonical'),
        ValidateConstraint('section', 'concerts_section_code_canonical'),
        ValidateConstraint('seat', 'concerts_seat_codes_canonical'),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(build, drop)],
            state_operations=[
                migrations.AddConstraint(model, constraint) for model, constraint in UNIQUE.items()
            ],
        ),
        migrations.RunSQL("RESET statement_timeout", "SET statement_timeout = 0"),
        migrations.RemoveConstraint('seat', 'concerts_seat_place_unique'),
    ]
