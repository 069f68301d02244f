"""Which metrics and labels an expression of PromQL names."""

import re

# Order matters: strings and ranges go before what may stand in them.
_NO_METRIC = (
    r'"[^"]*"',
    r"\[[^\]]*\]",
    r"\boffset\s+-?[\dsmhdwy.]+",
    r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)",
    r"\{[^}]*\}",
    r"\b[a-z_]\w*\s*(?=\()",
    r"\b(?:and|or|unless|bool|by|without|on|ignoring|group_left|group_right|inf|nan)\b",
    r"\b\d[\w.]*",
)
_NAME = re.compile(r"[a-zA-Z_:][\w:]*")
_GROUPED = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_MATCHER = re.compile(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*\"")
_PART = re.compile(r"_(?:bucket|count|sum|total)$")


def metrics_in(expression: str) -> set[str]:
    """Return the names of the series that an expression reads."""
    rest = expression
    for pattern in _NO_METRIC:
        rest = re.sub(pattern, " ", rest, flags=re.IGNORECASE if "inf" in pattern else 0)
    return set(_NAME.findall(rest))


def labels_in(expression: str) -> set[str]:
    """Return the labels that an expression matches or groups by."""
    grouped = {
        label.strip() for inner in _GROUPED.findall(expression) for label in inner.split(",")
    }
    return {*grouped, *_MATCHER.findall(expression)} - {""}


def family(name: str) -> str:
    """Return the metric that a series belongs to: a histogram's without `_bucket`, and so on."""
    return _PART.sub("", name)
