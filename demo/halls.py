"""Six halls as layouts: blocks of rows in front of a stage at (0, 0)."""

from collections.abc import Iterator
from dataclasses import dataclass

from concerts.layout.form import GradeForm, Layout, Outline, SeatForm, SectionForm

VIP = GradeForm("VIP", "VIP석", "VIP", 165_000)
R = GradeForm("R", "R석", "R", 132_000)
S = GradeForm("S", "S석", "S", 99_000)


@dataclass(frozen=True, slots=True)
class Block:
    """A section: where its first row's left end is, and how large it is."""

    code: str
    grade: GradeForm
    rows: int
    seats: int
    left: float
    front: float
    accessible: int = 0  # chairs at the left end of the last row


def hall(*blocks: Block) -> Layout:
    """Return the layout of some blocks, grades in order of first appearance."""
    grades = {block.grade.code: block.grade for block in blocks}
    return Layout(
        tuple(grades.values()),
        tuple(
            SectionForm(
                block.code,
                f"{block.code}구역",
                f"Section {block.code}",
                block.grade.code,
                block.left + block.seats / 2,
                block.front,
            )
            for block in blocks
        ),
        tuple(seat for block in blocks for seat in _seats(block)),
        _stage(min(block.left for block in blocks), max(b.left + b.seats for b in blocks)),
    )


def _stage(left: float, right: float) -> Outline:
    """Return a stage as wide as the middle third of a hall, its corners at the back cut off."""
    half = (right - left) / 6
    return (-half, 1.0), (half, 1.0), (half * 0.8, -2.0), (-half * 0.8, -2.0)


def _seats(block: Block) -> Iterator[SeatForm]:
    for row in range(block.rows):
        for number in range(block.seats):
            yield SeatForm(
                block.code,
                str(row + 1),
                str(number + 1),
                block.left + number,
                block.front + row,
                row == block.rows - 1 and number < block.accessible,
            )


def _cheaper(grade: GradeForm, price: int) -> GradeForm:
    return GradeForm(grade.code, grade.name_ko, grade.name_en, price)


def arena() -> Layout:
    """Return 5,000 seats: four blocks on the floor, six in the first tier, ten in the second."""
    floor = [Block(f"F{n + 1}", VIP, 10, 20, -42 + n * 21, 5, 2) for n in range(4)]
    first = [Block(f"1{c}", R, 12, 25, -78 + n * 26, 20, 4) for n, c in enumerate("ABCDEF")]
    second = [Block(f"2{c}", S, 12, 20, -105 + n * 21, 36) for n, c in enumerate("ABCDEFGHIJ")]
    return hall(*floor, *first, *second)


def club() -> Layout:
    """Return 200 seats of one price."""
    grade = _cheaper(R, 55_000)
    return hall(Block("A", grade, 10, 10, -11, 3, 2), Block("B", grade, 10, 10, 1, 3))


def theatre() -> Layout:
    """Return 1,200 seats on two levels."""
    return hall(
        Block("A", VIP, 20, 20, -21, 4, 2),
        Block("B", VIP, 20, 20, 1, 4, 2),
        Block("C", S, 10, 40, -20, 28),
    )


def recital_hall() -> Layout:
    """Return 300 seats in two grades."""
    return hall(
        Block("A", _cheaper(R, 80_000), 10, 15, -7, 4, 3),
        Block("B", _cheaper(S, 50_000), 10, 15, -7, 16),
    )


def opera_house() -> Layout:
    """Return 960 seats in three grades."""
    return hall(
        Block("A", VIP, 16, 30, -15, 5, 4),
        Block("B", R, 8, 30, -15, 24),
        Block("C", S, 8, 30, -15, 34),
    )


def open_air() -> Layout:
    """Return 2,000 seats on a lawn."""
    grade = _cheaper(S, 77_000)
    return hall(*(Block(f"L{n + 1}", grade, 20, 25, -52 + n * 26, 8, 5) for n in range(4)))
