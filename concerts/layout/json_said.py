"""What is wrong in a JSON layout, in words of ours: those of the parsers are Python's."""

import json
from typing import Any

from jsonschema_rs import ValidationError

from concerts.layout.form import Problem, quoted, shortened
from concerts.layout.json_lines import Lines, Path
from kernel.text.strict_json import DuplicateMember

MAX_NAMED = 10  # members named in a problem
# By how the standard parser's message begins.
_SYNTAX = (
    (
        "Expecting property name",
        "a name in double quotation marks is missing; is there a comma too many before it?",
        '"이름"이 있어야 합니다. 앞에 쉼표가 남아 있지 않은지 확인해 주세요',
    ),
    ("Expecting ':'", "a colon is missing after the name", "이름 뒤에 콜론(:)이 없습니다"),
    (
        "Expecting ','",
        "a comma or a closing bracket is missing",
        "쉼표나 닫는 괄호가 없습니다",
    ),
    (
        "Expecting value",
        "a value is missing; is there a comma too many before it?",
        "값이 없습니다. 앞에 쉼표가 남아 있지 않은지 확인해 주세요",
    ),
    (
        "Illegal trailing comma",
        "there is a comma too many: remove it",
        "쉼표가 남아 있습니다. 지워 주세요",
    ),
    ("Unterminated string", 'a text is not closed by a "', "따옴표가 닫히지 않았습니다"),
    (
        "Invalid control character",
        "a text goes over the end of the line: close it before",
        "글자 안에서 줄이 바뀌었습니다. 따옴표를 닫아 주세요",
    ),
    (
        "Invalid \\",
        "a \\ begins nothing known here: write \\\\ for one",
        "알 수 없는 \\ 표기입니다. \\\\로 적어 주세요",
    ),
    (
        "Extra data",
        "the document has ended before this: remove what follows",
        "문서가 끝난 뒤에 내용이 더 있습니다. 지워 주세요",
    ),
)
_TYPES = {
    "string": ("a text in quotation marks", "따옴표로 묶은 글자"),
    "integer": ("a whole number without quotation marks", "따옴표 없는 정수"),
    "number": ("a number without quotation marks", "따옴표 없는 숫자"),
    "boolean": ("true or false", "true 또는 false"),
    "array": ("a list in [ ]", "[ ]로 묶은 목록"),
    "object": ("an object in { }", "{ }로 묶은 항목"),
}
_LIMITS = {
    "minItems": ("has fewer members than {}", "항목이 {}개보다 적습니다"),
    "maxItems": ("has more members than {}", "항목이 {}개보다 많습니다"),
    "minLength": ("must have at least {} visible characters", "{}자 이상이어야 합니다"),
    "maxLength": ("must have at most {} characters", "{}자 이내여야 합니다"),
    "minimum": ("must be at least {}", "{} 이상이어야 합니다"),
    "maximum": ("must be at most {}", "{} 이하여야 합니다"),
}


def syntax_problem(error: json.JSONDecodeError) -> Problem:
    """Return where a text stops being JSON, and what to look for there."""
    en, ko = "something is missing or too many here", "형식에 맞지 않는 부분이 있습니다"
    for begins, *said in _SYNTAX:
        if error.msg.startswith(begins):
            en, ko = said
            break
    return Problem(
        error.lineno, f"not JSON: {en}", f"JSON 형식이 아닙니다. {ko}", column=str(error.colno)
    )


def duplicate_problem(error: DuplicateMember, text: str) -> Problem:
    """Return where a member is named for the second time."""
    en = f"{quoted(error.name)} is there twice in one object: leave one of them out"
    ko = f"{quoted(error.name)}이(가) 한 항목에 두 번 있습니다. 하나만 남겨 주세요"
    try:
        line, column = Lines(text).first_duplicate()
    except (ValueError, IndexError, RecursionError):  # it breaks off further on
        return Problem(None, en, ko)
    return Problem(line, en, ko, column=str(column))


def schema_problem(error: ValidationError, lines: Lines) -> Problem:
    """Return what breaks the schema, where, and what would not."""
    return _at(tuple(error.instance_path), lines, *_said(error))


def fraction_problem(path: Path, lines: Lines) -> Problem:
    """Return where a whole number is written as a fraction."""
    en, ko = _TYPES["integer"]
    return _at(path, lines, f"it is not {en}: write one", f"{ko}(으)로 적어 주세요")


def _at(path: Path, lines: Lines, en: str, ko: str) -> Problem:
    pointer = "".join(f"/{step}" for step in path) or "/"
    line, column = lines.place_of(path)
    return Problem(
        line, f"{shortened(pointer)}: {en}", f"{shortened(pointer)}: {ko}", column=str(column)
    )


def _said(error: ValidationError) -> tuple[str, str]:
    rule, found = error.kind.name, error.instance
    wanted: Any = error.kind.value
    if rule == "required":
        return (
            f"{quoted(wanted)} is a required property: add it",
            f"{quoted(wanted)} 항목이 필요합니다",
        )
    if rule == "additionalProperties":
        names = ", ".join(map(quoted, wanted[:MAX_NAMED]))
        return f"unknown member {names}: leave it out", f"알 수 없는 항목 {names}: 지워 주세요"
    if rule == "const":
        return f"must be {quoted(wanted)}", f"{quoted(wanted)}이어야 합니다"
    shown = _shown(found)
    if rule == "type":
        en, ko = _TYPES[wanted if isinstance(wanted, str) else wanted[0]]
        return f"{shown} is not {en}: write one", f"{shown}: {ko}(으)로 적어 주세요"
    en, ko = _LIMITS[rule]
    limit = f"{wanted:,}"
    return f"{shown} {en.format(limit)}", f"{shown}: {ko.format(limit)}"


def _shown(value: Any) -> str:
    """Return a value of a document in its own words, never all of a large one."""
    if isinstance(value, dict):
        return "{…}" if value else "{}"
    if isinstance(value, list):
        return "[…]" if value else "[]"
    if isinstance(value, str):
        return quoted(value)
    return json.dumps(value)
