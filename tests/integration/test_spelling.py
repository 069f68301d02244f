"""PostgreSQL keeps and compares texts as Note [Texts that read alike] says."""

import unicodedata
from importlib import import_module
from itertools import chain

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from concerts.models import Concert, PriceGrade, Seat, Section, StaleDocument
from kernel.db.spelling import CANONICAL_SQL, FOLDED_SQL
from kernel.text.spelling import canonical, fold
from tests.support import factories

BACK_THEN = "0002_stale_documents"
HANGUL = "가구역"
DECOMPOSED = unicodedata.normalize("NFD", HANGUL)


def characters() -> list[str]:
    """Return every character that Python knows, between others that could combine with it."""
    points = chain(range(1, 0xD800), range(0xE000, 0x32000), range(0xE0000, 0xE1000))
    known = (chr(point) for point in points if unicodedata.category(chr(point)) != "Cn")
    return [f" a{one}\u1161 {one}" for one in known]


def test_python_and_postgresql_agree_on_every_character():
    texts = characters()
    assert len(texts) > 140_000
    form = CANONICAL_SQL.format("given")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT given, {form}, {FOLDED_SQL.format(form)} FROM unnest(%s::text[]) AS given",
            [texts],
        )
        differing = [
            (ascii(given), ascii(kept), ascii(compared))
            for given, kept, compared in cursor.fetchall()
            if (kept, compared) != (canonical(given), fold(given))
        ]
    assert differing == []


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=2, on_sale=False)


def twin_of(seat: Seat, **fields) -> Seat:
    values = {"row": seat.row, "number": seat.number} | fields
    return Seat(
        performance_id=seat.performance_id, section_id=seat.section_id, index=99, x=0, y=0, **values
    )


@pytest.mark.parametrize("number", ["１", "1\u200b", " 1 ", "①"])
def test_a_seat_gets_no_twin_by_any_writer(performance, number):
    seat = Seat.objects.get(number="1")
    with pytest.raises(IntegrityError, match="concerts_seat_reads_once"):
        twin_of(seat, number=number).save()
    with pytest.raises(IntegrityError, match="concerts_seat_reads_once"):
        Seat.objects.bulk_create([twin_of(seat, number=number)])
    with pytest.raises(IntegrityError, match="concerts_seat_reads_once"):
        Seat.objects.filter(number="2").update(number=number)


def test_case_makes_no_second_chair_section_or_grade(performance):
    Seat.objects.filter(number="1").update(number="a")
    with pytest.raises(IntegrityError, match="concerts_seat_reads_once"):
        twin_of(Seat.objects.get(number="a"), number="A").save()
    section, grade = Section.objects.get(), PriceGrade.objects.get()
    with pytest.raises(IntegrityError, match="concerts_section_code_reads_once"):
        Section.objects.create(performance=performance, grade=grade, code=section.code.lower())
    with pytest.raises(IntegrityError, match="concerts_grade_code_reads_once"):
        PriceGrade.objects.create(performance=performance, code=grade.code.lower(), price=1)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("concerts_seat", '"row"'),
        ("concerts_seat", "number"),
        ("concerts_section", "code"),
        ("concerts_pricegrade", "code"),
    ],
)
@pytest.mark.parametrize(
    "spelled", ["１２", DECOMPOSED, "1\u200b", "\ufe0f1", "1 ", "1\u2800", "–1", ""]
)
def test_the_database_itself_keeps_codes_canonical(performance, table, column, spelled):
    with (
        pytest.raises(IntegrityError, match="canonical"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE {table} SET {column} = %s", [spelled])


@pytest.mark.control
def test_without_the_constraints_one_chair_is_two(performance):
    seat = Seat.objects.get(number="1")
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("ALTER TABLE concerts_seat DROP CONSTRAINT concerts_seat_codes_canonical")
        cursor.execute("DROP INDEX concerts_seat_reads_once")
        cursor.execute(
            "INSERT INTO concerts_seat (id, performance_id, section_id, row, number, index, x, y, "
            "accessible) SELECT uuidv7(), performance_id, section_id, row, '１', 99, 0, 0, false "
            "FROM concerts_seat WHERE id = %s",
            [seat.pk],
        )
        cursor.execute("SELECT count(*) FROM concerts_seat WHERE normalize(number, NFKC) = '1'")
        assert cursor.fetchone() == (2,)
        cursor.execute("ROLLBACK")


def test_what_is_written_reads_back_in_its_form_without_asking_again(performance):
    concert = Concert(venue=performance.concert.venue, title_ko=f"{DECOMPOSED} \u200b")
    concert.save()
    assert concert.title_ko == HANGUL
    assert Concert.objects.get(title_ko=DECOMPOSED).pk == concert.pk
    assert Section.objects.filter(code__reads=" ａ").exists()


@pytest.fixture
def before(performance):
    """A performance under the schema from before codes had one form; afterwards as it is."""
    call_command("migrate", "concerts", BACK_THEN, verbosity=0)
    yield
    Seat.objects.all().delete()
    call_command("migrate", verbosity=0)


def raw(sql: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_old_rows_are_brought_into_the_form(performance, before):
    raw("UPDATE concerts_seat SET number = '１２' WHERE number = '1'")
    raw("UPDATE concerts_section SET code = %s", DECOMPOSED)
    raw("UPDATE concerts_concert SET title_ko = %s", DECOMPOSED)
    StaleDocument.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert set(Seat.objects.values_list("number", flat=True)) == {"12", "2"}
    assert Section.objects.get().code == HANGUL
    assert Concert.objects.get().title_ko == HANGUL
    assert [row.name for row in StaleDocument.objects.all()] == [f"layout:{performance.pk}"]


@pytest.mark.parametrize("twin", ["１", "1\u200b"])
def test_old_rows_that_are_one_chair_stop_the_migration_by_name(performance, before, twin):
    raw("UPDATE concerts_seat SET number = %s WHERE number = '2'", twin)
    with pytest.raises(CommandError) as stopped:
        call_command("migrate", verbosity=0)
    assert str(performance.pk) in str(stopped.value)
    assert "1 1" in str(stopped.value)
    assert ascii(twin).strip("'") in str(stopped.value)
    assert sorted(Seat.objects.values_list("number", flat=True)) == sorted(["1", twin])


def test_an_old_code_that_reads_as_nothing_stops_it_too(before):
    raw("UPDATE concerts_section SET code = %s", "\u200b")
    with pytest.raises(CommandError, match="read as nothing"):
        call_command("migrate", verbosity=0)
    raw("UPDATE concerts_section SET code = 'A'")


def test_the_migrations_helpers_stay_importable():
    migration = import_module("concerts.migrations.0003_texts_that_read_alike")
    assert {table for table, _, _ in migration.CODES} == {
        model._meta.db_table
        for model in apps.get_app_config("concerts").get_models()
        if any(type(field).__name__ == "CodeField" for field in model._meta.local_fields)
    }
