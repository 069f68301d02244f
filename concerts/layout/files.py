"""Read and write layout files of either form."""

from pathlib import PurePath

from concerts.layout import csv_form, json_form
from concerts.layout.form import MAX_BYTES, Layout, Problem, grouped, problems_of

SUFFIXES = (".json", ".csv")


def read(*, name: str, content: bytes) -> tuple[Layout | None, list[Problem]]:
    """Return the layout of a file and what is wrong with it; with problems it is not to be used.

    The form follows from the name's suffix, `.json` or `.csv`; text is UTF-8.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES:
        return None, [
            Problem(
                None, "the name must end in .json or .csv", "확장자는 .json 또는 .csv여야 합니다"
            )
        ]
    if len(content) > MAX_BYTES:
        return too_large()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return None, [Problem(line, "not UTF-8 text", "UTF-8 텍스트가 아닙니다")]
    form = json_form if suffix == ".json" else csv_form
    layout, problems = form.parse(text)
    if layout is not None and not problems:
        layout = grouped(layout)
        problems = problems_of(layout)
    return layout, problems


def too_large() -> tuple[None, list[Problem]]:
    """Return the answer to a file that is not even read."""
    limit = MAX_BYTES // 2**20
    return None, [Problem(None, f"it is larger than {limit} MiB", f"파일이 {limit} MiB를 넘습니다")]


def write(layout: Layout, *, name: str) -> str:
    """Return the text of a layout file in the form that the name's suffix asks for."""
    form = json_form if PurePath(name).suffix.lower() == ".json" else csv_form
    return form.dump(layout)
