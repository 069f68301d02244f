"""Small line charts as SVG for the pages of docs/: light or dark as the reader's system is."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

from proof.measures import axis_top

WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 176, 58, 40
_LIGHT = ("#2a66c8", "#b4530a", "#0f7a5c", "#a8326f", "#6a51b5", "#6b6b12")
_DARK = ("#7fb0ff", "#ffb070", "#5fd3ad", "#f58ec0", "#b9a5ff", "#d6d65c")
_LABEL_GAP = 14


def lines(
    title: str, unit: str, labels: Sequence[str], series: Mapping[str, Sequence[float]]
) -> str:
    """Return a chart of each series over the labels, from zero; a line is named at its end."""
    top = axis_top(max((max(values) for values in series.values()), default=1.0))
    parts = [_head(title, unit, labels, series)]
    for step in range(5):
        value = top * step / 4
        at = _y(value, top)
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{at}" x2="{WIDTH - _RIGHT}" y2="{at}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{at + 4}" text-anchor="end">{value:g}</text>')
    for place, label in enumerate(labels):
        x = _x(place, len(labels))
        parts.append(
            f'<text x="{x}" y="{HEIGHT - _BOTTOM + 20}" text-anchor="middle">{escape(label)}</text>'
        )
    ends = _spread([_y(values[-1], top) for values in series.values()])
    for number, ((name, values), end) in enumerate(zip(series.items(), ends, strict=True)):
        points = [(_x(place, len(labels)), _y(value, top)) for place, value in enumerate(values)]
        path = " ".join(f"{x},{y}" for x, y in points)
        parts.append(f'<polyline class="l{number}" points="{path}"/>')
        parts += [f'<circle class="d{number}" cx="{x}" cy="{y}" r="3"/>' for x, y in points]
        parts.append(
            f'<text class="d{number}" x="{WIDTH - _RIGHT + 10}" y="{end + 4}">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _head(
    title: str, unit: str, labels: Sequence[str], series: Mapping[str, Sequence[float]]
) -> str:
    said = "; ".join(
        f"{name}: " + ", ".join(f"{v:g} at {x}" for x, v in zip(labels, values, strict=True))
        for name, values in series.items()
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(f'{unit}. {said}')}</desc>\n"
        f"<style>{_style(len(series))}</style>\n"
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>\n'
        f'<text class="title" x="{_LEFT - 40}" y="20">{escape(title)}</text>\n'
        f'<text x="{_LEFT - 40}" y="36">{escape(unit)}</text>'
    )


def _style(count: int) -> str:
    def colours(of: Sequence[str]) -> str:
        return "".join(f".l{n}{{stroke:{of[n]}}}.d{n}{{fill:{of[n]}}}" for n in range(count))

    return (
        "text{font:12px system-ui,sans-serif;fill:#444}.title{font-weight:600;fill:#111}"
        ".paper{fill:#fff}.grid{stroke:#ddd}polyline{fill:none;stroke-width:2}"
        f"{colours(_LIGHT)}"
        "@media(prefers-color-scheme:dark){text{fill:#bbb}.title{fill:#eee}.paper{fill:#15171a}"
        f".grid{{stroke:#333}}{colours(_DARK)}}}"
    )


def _x(place: int, count: int) -> float:
    width = WIDTH - _LEFT - _RIGHT
    return round(_LEFT + width * (place + 0.5) / count, 1)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / top, 1)


def _spread(wanted: Sequence[float]) -> list[float]:
    """Return places for labels, near the wanted ones, none over another."""
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    found = list(wanted)
    for before, after in pairwise(order):
        found[after] = max(found[after], found[before] + _LABEL_GAP)
    lowest = HEIGHT - _BOTTOM
    for place, number in enumerate(reversed(order)):
        found[number] = min(found[number], lowest - place * _LABEL_GAP)
    return found
