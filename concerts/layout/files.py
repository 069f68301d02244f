"""Read and write layout files of either form."""

import codecs
from pathlib import PurePath

from concerts.layout import csv_form, json_form
from concerts.layout.decoding import decode_sheet, decode_utf8
from concerts.layout.form import (
    MAX_BYTES,
    Layout,
    Problem,
    Progress,
    grouped,
    no_progress,
)
from concerts.layout.rules import problems_of

SUFFIXES = (".json", ".csv")


def read(
    *, name: str, content: bytes, progress: Progress = no_progress
) -> tuple[Layout | None, list[Problem]]:
    """Return the layout of a file and what is wrong with it; with problems it is not to be used.

    The form follows from the name's suffix, `.json` (UTF-8) or `.csv` (what spreadsheets write).
    Everything is bounded before it is parsed: bytes, lines, cells, values.
    """
    problems = refusals(name=name, size=len(content))
    if problems:
        return None, problems
    is_json = PurePath(name).suffix.lower() == ".json"
    text, problems = decode_utf8(content) if is_json else decode_sheet(content)
    if text is None:
        return None, problems
    form = json_form if is_json else csv_form
    layout, problems = form.parse(text, progress=progress)
    if layout is not None and not problems:
        progress("checking", 0, 1)
        layout = grouped(layout)
        problems = problems_of(layout)
        if problems and is_json:
            problems = problems_of(grouped(json_form.located(text)))
        progress("checking", 1, 1)
    return layout, problems


def refusals(*, name: str, size: int) -> list[Problem]:
    """Return why a file of this name and size (in bytes) isn't read at all; nothing if it is."""
    if PurePath(name).suffix.lower() not in SUFFIXES:
        return [
            Problem(
                None, "the name must end in .json or .csv", "확장자는 .json 또는 .csv여야 합니다"
            )
        ]
    if size > MAX_BYTES:
        limit = MAX_BYTES // 2**20
        return [
            Problem(
                None,
                f"it is larger than {limit} MiB: a layout has 100,000 seats at most",
                f"파일이 {limit} MiB를 넘습니다. 좌석은 최대 100,000개입니다",
            )
        ]
    return []


def write(layout: Layout, *, name: str) -> str:
    """Return the text of a layout file in the form that the name's suffix asks for."""
    form = json_form if PurePath(name).suffix.lower() == ".json" else csv_form
    text: str = form.dump(layout)
    return text


def encode(text: str, *, name: str) -> bytes:
    """Return a layout file's bytes: UTF-8, in CSV with the mark by which Excel knows its Korean."""
    mark = codecs.BOM_UTF8 if name.lower().endswith(".csv") and not text.isascii() else b""
    return mark + text.encode()
