"""Charts as inline SVG: lines over time, and the hall by when its seats were sold.

Written by hand: two shapes need no library, and a page that must work without a network can carry
no script of one. Colours are those of the page's style sheet, by class.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from proof.measures import axis_top

_WIDTH, _HEIGHT = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 10, 24
_TICKS = 4
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800)
_BINS = 8  # colours of the hall: the classes s0 to s7


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line: its name in the legend, and a value for each step; None leaves a gap."""

    name: str
    values: Sequence[float | None]


def line_chart(
    title: str,
    lines: Sequence[ChartLine],
    *,
    step: float,
    bands: Iterable[tuple[float, float]] = (),
) -> SafeString:
    """Return a figure; `bands` are times in seconds at which a part was broken."""
    size = max((len(line.values) for line in lines), default=0)
    longest = max(step * max(size - 1, 1), 1.0)
    highest = max((v for line in lines for v in line.values if v is not None), default=0.0)
    top = axis_top(max(highest, _TICKS))
    marks = [_axis_y(top, n) for n in range(_TICKS + 1)]
    marks += [_axis_x(seconds, longest) for seconds in _round_seconds(longest)]
    shades = [_band(first, last, longest) for first, last in bands]
    paths = [
        format_html('<path class="l{}" d="{}"/>', number, _path(line.values, step, longest, top))
        for number, line in enumerate(lines)
    ]
    legend = [
        format_html('<span class="k{}">{}</span>', number, line.name)
        for number, line in enumerate(lines)
    ]
    return format_html(
        '<figure><figcaption>{} {}</figcaption><svg viewBox="0 0 {} {}" role="img" '
        'aria-label="{}">{}</svg></figure>',
        title,
        _joined(legend),
        _WIDTH,
        _HEIGHT,
        title,
        _joined([*shades, *marks, *paths]),
    )


def hall(title: str, seats: Sequence[Sequence[float | None]], *, labels: Mapping[str, str]) -> str:
    """Return the seats at their places, coloured by when each was sold; seats are x, y, seconds.

    `labels`: the words for `first`, `last` and `unsold`.
    """
    times = [seat[2] for seat in seats if seat[2] is not None]
    last = max(times, default=0.0) or 1.0
    squares: dict[str, list[str]] = {}
    xs, ys = [seat[0] or 0.0 for seat in seats], [seat[1] or 0.0 for seat in seats]
    left, front = min(xs, default=0.0), min(ys, default=0.0)
    wide, deep = max(xs, default=0.0) - left + 1, max(ys, default=0.0) - front + 1
    scale = 600 / max(wide, deep)
    side = scale * 0.8
    for (_, _, sold), x, y in zip(seats, xs, ys, strict=True):
        name = "none" if sold is None else f"s{min(_BINS - 1, int(sold / last * _BINS))}"
        at = f"M{(x - left) * scale:.1f} {(y - front) * scale:.1f}"
        squares.setdefault(name, []).append(f"{at}h{side:.1f}v{side:.1f}h-{side:.1f}z")
    paths = [
        format_html('<path class="{}" d="{}"/>', name, "".join(parts))
        for name, parts in sorted(squares.items())
    ]
    legend = [format_html('<span class="b{}"></span>', n) for n in range(_BINS)]
    return format_html(
        '<figure class="hall"><figcaption>{} <span class="scale">{} {} {}</span> '
        '<span class="bnone"></span> {}</figcaption><svg viewBox="-4 -4 {} {}" role="img" '
        'aria-label="{}">{}</svg></figure>',
        title,
        labels["first"],
        _joined(legend),
        labels["last"],
        labels["unsold"],
        f"{wide * scale + 8:.0f}",
        f"{deep * scale + 8:.0f}",
        title,
        _joined(paths),
    )


def _joined(parts: Iterable[SafeString]) -> SafeString:
    return mark_safe("".join(parts))  # noqa: S308  (each part is escaped)


def _x(seconds: float, longest: float) -> float:
    return _LEFT + seconds / longest * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM)


def _path(values: Sequence[float | None], step: float, longest: float, top: float) -> str:
    parts, is_open = [], False
    for number, value in enumerate(values):
        if value is not None:
            at = f"{_x(number * step, longest):.1f} {_y(value, top):.1f}"
            parts.append(f"{'L' if is_open else 'M'}{at}")
        is_open = value is not None
    return "".join(parts)


def _axis_y(top: float, number: int) -> SafeString:
    value = top * number / _TICKS
    at = f"{_y(value, top):.1f}"
    return format_html(
        '<path class="g" d="M{} {}H{}"/><text class="y" x="{}" y="{}">{}</text>',
        _LEFT, at, _WIDTH - _RIGHT, _LEFT - 6, at, _number(value),
    )  # fmt: skip


def _axis_x(seconds: float, longest: float) -> SafeString:
    return format_html(
        '<text class="x" x="{}" y="{}">{} s</text>',
        f"{_x(seconds, longest):.1f}", _HEIGHT - 6, _number(seconds),
    )  # fmt: skip


def _band(first: float, last: float, longest: float) -> SafeString:
    left = _x(min(first, longest), longest)
    right = max(_x(min(last, longest), longest), left + 2)
    return format_html(
        '<rect class="band" x="{}" y="{}" width="{}" height="{}"/>',
        f"{left:.1f}", _TOP, f"{right - left:.1f}", _HEIGHT - _TOP - _BOTTOM,
    )  # fmt: skip


def _round_seconds(longest: float) -> range:
    """Return round moments from the opening on, some five of them."""
    wanted = longest / (_TICKS + 1)
    step = next((step for step in _SECONDS if step >= wanted), _SECONDS[-1])
    return range(0, int(longest) + 1, step)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 10 else f"{value:.1f}"
