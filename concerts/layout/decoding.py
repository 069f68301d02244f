"""The text in the bytes of a layout file, as Korean offices save it.

A spreadsheet writes UTF-8 with a byte order mark ("CSV UTF-8"), UTF-16 with one ("Unicode text"),
or the code page of its Windows ("CSV": CP949 in Korea); everything else writes UTF-8.
"""

import codecs

from concerts.layout.form import Problem

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CURE = 'save it as "CSV UTF-8"'
_CURE_KO = '"CSV UTF-8(쉼표로 분리)" 형식으로 저장해 주세요'


def decode_sheet(content: bytes) -> tuple[str | None, list[Problem]]:
    """Return the text of a spreadsheet's file in UTF-8, UTF-16 with its mark, or CP949."""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    if encoding is not None:
        return _decoded(content, encoding, cure=_CURE, cure_ko=_CURE_KO)
    text, problems = _decoded(content, "utf-8", cure=_CURE, cure_ko=_CURE_KO)
    if text is None and not _is_mostly_utf8(content):
        korean, _ = _decoded(content, "cp949", cure=_CURE, cure_ko=_CURE_KO)
        text, problems = (korean, []) if korean is not None else (None, problems)
    if text is not None and "\0" in text:
        return None, [_with_nul(text)]
    return text, problems


def decode_utf8(content: bytes) -> tuple[str | None, list[Problem]]:
    """Return the text of a file that must be UTF-8, as JSON must; a byte order mark is fine."""
    return _decoded(content, "utf-8", cure="save it as UTF-8", cure_ko="UTF-8로 저장해 주세요")


def _decoded(
    content: bytes, encoding: str, *, cure: str, cure_ko: str
) -> tuple[str | None, list[Problem]]:
    try:
        return content.decode(encoding).removeprefix("\ufeff"), []
    except UnicodeDecodeError as error:
        before, newline, line_so_far = (
            content[: error.start].decode(encoding, "replace").rpartition("\n")
        )
        line = before.count("\n") + 1 + len(newline)
        name = encoding.upper().removesuffix("-LE").removesuffix("-BE")
        return None, [
            Problem(
                line,
                f"not {name} text: {cure}",
                f"{name} 텍스트가 아닙니다. {cure_ko}",
                column=str(len(line_so_far) + 1),
            )
        ]


def _is_mostly_utf8(content: bytes) -> bool:
    """Say whether it is UTF-8 with a broken spot: as CP949 it would be read as other words."""
    text = content.decode("utf-8", "replace")
    broken = text.count("�")
    return sum(not one.isascii() for one in text) - broken > broken


def _with_nul(text: str) -> Problem:
    at = text.index("\0")
    return Problem(
        text.count("\n", 0, at) + 1,
        f"it holds a character that is no text: {_CURE}",
        f"텍스트가 아닌 문자가 들어 있습니다. {_CURE_KO}",
        column=str(at - text.rfind("\n", 0, at)),
    )
