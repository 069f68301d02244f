"""Bring codes and texts into their one form (Note [Texts that read alike], kernel.text.spelling).

Codes that turn out to be one code stop the migration before anything is written: which of two
chairs is meant is for people to say. The checks hold for new rows from here on; the next migration
proves them for old ones, and adds the indexes, without keeping anybody waiting.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.core.management import CommandError
from django.db import migrations

import kernel.db.fields
from kernel.db.spelling import CANONICAL_SQL, FOLDED_SQL, keeps_codes
from kernel.ids import uuid7

SHOWN = 20
# Table, columns with codes and their longest, and within what they are unique.
CODES = (
    ("concerts_pricegrade", {"code": 20}, "performance_id"),
    ("concerts_section", {"code": 20}, "performance_id"),
    ("concerts_seat", {"row": 10, "number": 10}, "section_id"),
)
TEXTS = (
    ("concerts_venue", ("name", "address")),
    ("concerts_concert", ("title", "artist", "description", "notices", "refund_policy")),
    ("concerts_pricegrade", ("name",)),
    ("concerts_section", ("name",)),
)


def into_form(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        for table, _, _ in CODES:  # nobody writes what was just looked at; reading goes on
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        for table, lengths, within in CODES:
            stop_for_lengths(cursor, table, lengths)
            stop_for_twins(cursor, table, lengths, within)
        stale = {key for table, lengths, _ in CODES for key in respell(cursor, table, lengths)}
        cursor.executemany(
            "INSERT INTO concerts_staledocument (id, name) VALUES (%s, %s)",
            [(uuid7(), f"layout:{key}") for key in stale],
        )
        for table, names in TEXTS:
            compose(cursor, table, [f"{name}_{language}" for name in names for language in ("ko", "en")])


def stop_for_lengths(cursor, table, lengths):
    for column, longest in lengths.items():
        form = CANONICAL_SQL.format(f'"{column}"')
        cursor.execute(
            f'SELECT id, performance_id, "{column}" FROM {table} '
            f'WHERE char_length({form}) NOT BETWEEN 1 AND {longest} ORDER BY id LIMIT {SHOWN}'
        )
        found = [
            f"{table} {key} of performance {performance}: {column} {value!a}"
            for key, performance, value in cursor.fetchall()
        ]
        stop(found, f"read as nothing, or as more than {longest} characters")


def stop_for_twins(cursor, table, lengths, within):
    form = ", ".join(folded(column) for column in lengths)
    shown = " || ' ' || ".join(f'"{column}"' for column in lengths)
    cursor.execute(
        f"SELECT min(performance_id::text), array_agg({shown} ORDER BY id), array_agg(id ORDER BY id) "
        f"FROM {table} GROUP BY {within}, {form} HAVING count(*) > 1 LIMIT {SHOWN}"
    )
    found = [
        f"{table} of performance {performance}: "
        + ", ".join(f"{code!a} ({key})" for code, key in zip(codes, keys))
        for performance, codes, keys in cursor.fetchall()
    ]
    stop(found, "are one code, though written in several ways")


def stop(found, why):
    if found:
        raise CommandError(
            f"Nothing was changed. These {why}; give each a code of its own, then migrate again:\n"
            + "\n".join(found)
        )


def respell(cursor, table, lengths):
    forms = {column: CANONICAL_SQL.format(f'"{column}"') for column in lengths}
    cursor.execute(
        f"UPDATE {table} SET "
        + ", ".join(f'"{column}" = {form}' for column, form in forms.items())
        + " WHERE "
        + " OR ".join(f'"{column}" <> {form}' for column, form in forms.items())
        + " RETURNING performance_id"
    )
    return {key for (key,) in cursor.fetchall()}


def compose(cursor, table, columns):
    cursor.execute(
        f"UPDATE {table} SET "
        + ", ".join(f"{column} = normalize({column}, NFC)" for column in columns)
        + " WHERE "
        + " OR ".join(f"{column} IS NOT NFC NORMALIZED" for column in columns)
    )


def folded(column):
    return FOLDED_SQL.format(CANONICAL_SQL.format(f'"{column}"'))


class Migration(migrations.Migration):

    dependencies = [
        ('concerts', '0002_stale_documents'),
    ]

    operations = [
        migrations.RunPython(into_form, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='concert',
            name='artist_en',
            field=kernel.db.fields.NameField(blank=True, max_length=200),
        ),
        migrations.AlterField(
            model_name='concert',
            name='artist_ko',
            field=kernel.db.fields.NameField(max_length=200),
        ),
        migrations.AlterField(
            model_name='concert',
            name='description_en',
            field=kernel.db.fields.ProseField(blank=True),
        ),
        migrations.AlterField(
            model_name='concert',
            name='description_ko',
            field=kernel.db.fields.ProseField(blank=True),
        ),
        migrations.AlterField(
            model_name='concert',
            name='notices_en',
            field=kernel.db.fields.ProseField(blank=True),
        ),
        migrations.AlterField(
            model_name='concert',
            name='notices_ko',
            field=kernel.db.fields.ProseField(blank=True),
        ),
        migrations.AlterField(
            model_name='concert',
            name='refund_policy_en',
            field=kernel.db.fields.ProseField(blank=True),
        ),
        migrations.AlterField(
            model_name='concert',
            name='refund_policy_ko',
            field=kernel.db.fields.ProseField(blank=True),
        ),
        migrations.AlterField(
            model_name='concert',
            name='title_en',
            field=kernel.db.fields.NameField(blank=True, max_length=200),
        ),
        migrations.AlterField(
            model_name='concert',
            name='title_ko',
            field=kernel.db.fields.NameField(max_length=200),
        ),
        migrations.AlterField(
            model_name='pricegrade',
            name='code',
            field=kernel.db.fields.CodeField(max_length=20),
        ),
        migrations.AlterField(
            model_name='pricegrade',
            name='name_en',
            field=kernel.db.fields.NameField(blank=True, max_length=100),
        ),
        migrations.AlterField(
            model_name='pricegrade',
            name='name_ko',
            field=kernel.db.fields.NameField(max_length=100),
        ),
        migrations.AlterField(
            model_name='seat',
            name='number',
            field=kernel.db.fields.CodeField(max_length=10),
        ),
        migrations.AlterField(
            model_name='seat',
            name='row',
            field=kernel.db.fields.CodeField(max_length=10),
        ),
        migrations.AlterField(
            model_name='section',
            name='code',
            field=kernel.db.fields.CodeField(max_length=20),
        ),
        migrations.AlterField(
            model_name='section',
            name='name_en',
            field=kernel.db.fields.NameField(blank=True, max_length=100),
        ),
        migrations.AlterField(
            model_name='section',
            name='name_ko',
            field=kernel.db.fields.NameField(max_length=100),
        ),
        migrations.AlterField(
            model_name='venue',
            name='address_en',
            field=kernel.db.fields.NameField(blank=True, max_length=300),
        ),
        migrations.AlterField(
            model_name='venue',
            name='address_ko',
            field=kernel.db.fields.NameField(blank=True, max_length=300),
        ),
        migrations.AlterField(
            model_name='venue',
            name='name_en',
            field=kernel.db.fields.NameField(blank=True, max_length=200),
        ),
        migrations.AlterField(
            model_name='venue',
            name='name_ko',
            field=kernel.db.fields.NameField(max_length=200),
        ),
        AddConstraintNotValid(
            'pricegrade', keeps_codes('code', name='concerts_grade_code_canonical')
        ),
        AddConstraintNotValid(
            'section', keeps_codes('code', name='concerts_section_code_canonical')
        ),
        AddConstraintNotValid(
            'seat', keeps_codes('row', 'number', name='concerts_seat_codes_canonical')
        ),
    ]
