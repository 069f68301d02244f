"""The posters of the demo, drawn from shapes: no picture of anybody, and the same each time."""

import math
from collections.abc import Callable
from functools import cache
from random import Random

from PIL import Image, ImageDraw

from concerts.poster_files import PosterFiles, files_of

WIDTH, HEIGHT = 960, 1356
_FINE = 2  # drawn larger, so that edges are smooth once it is reduced
_W, _H = WIDTH * _FINE, HEIGHT * _FINE

Colour = tuple[int, int, int]
Canvas = tuple[Image.Image, ImageDraw.ImageDraw]


def _ground(top: Colour, bottom: Colour) -> Canvas:
    """Return a picture that goes from one colour to the other."""
    column = Image.new("RGB", (1, 256))
    for y in range(256):
        mixed = [round(a + (b - a) * y / 255) for a, b in zip(top, bottom, strict=True)]
        column.putpixel((0, y), (mixed[0], mixed[1], mixed[2]))
    picture = column.resize((_W, _H), Image.Resampling.BICUBIC)
    return picture, ImageDraw.Draw(picture)


def _disc(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: Colour) -> None:
    """Fill a circle; places and sizes are shares of the width."""
    pen.ellipse([(x - radius) * _W, (y - radius) * _W, (x + radius) * _W, (y + radius) * _W], fill)


def roofs_at_night() -> Image.Image:
    """A moon above the curved roofs of an old quarter."""
    picture, pen = _ground((22, 20, 66), (122, 62, 116))
    chance = Random(1)  # noqa: S311  (a picture, no secret)
    for _ in range(90):
        x, y, size = chance.random(), chance.random() * 0.8, chance.uniform(0.001, 0.003)
        _disc(pen, x, y, size, (230, 230, 230))
    _disc(pen, 0.66, 0.42, 0.2, (250, 232, 190))
    _disc(pen, 0.6, 0.37, 0.035, (240, 218, 172))
    _disc(pen, 0.74, 0.49, 0.022, (240, 218, 172))
    layers: list[tuple[float, Colour]] = [
        (0.8, (84, 50, 108)),
        (0.97, (52, 34, 80)),
        (1.16, (20, 15, 42)),
    ]
    for number, (height, colour) in enumerate(layers):
        for left in (-0.4 + 0.22 * number, 0.44 + 0.12 * number):
            _roof(pen, left, height, 0.74, colour)
        pen.rectangle([0, (height + 0.2) * _W, _W, _H], colour)
    return picture


def _roof(pen: ImageDraw.ImageDraw, left: float, y: float, width: float, colour: Colour) -> None:
    """Draw a roof whose eaves turn up at their ends, and the wall beneath it."""
    steps = [step / 20 for step in range(21)]
    right = left + width
    slope = [(0.3 * width * t, y + 0.1 - 0.1 * t**1.8) for t in steps]
    edge = [(right - width * t, y + 0.1 + 0.035 * (1 - (2 * t - 1) ** 4)) for t in steps]
    outline = [(left + x, py) for x, py in slope]
    outline += [(right - x, py) for x, py in slope[::-1]] + edge
    pen.polygon([(x * _W, py * _W) for x, py in outline], colour)
    pen.rectangle([(left + 0.1) * _W, (y + 0.1) * _W, (right - 0.1) * _W, (y + 0.3) * _W], colour)


def rows_of_chairs() -> Image.Image:
    """A hall from above: every chair is taken."""
    picture, pen = _ground((64, 26, 30), (30, 14, 22))
    pen.pieslice([0.2 * _W, -0.3 * _W, 0.8 * _W, 0.3 * _W], 0, 180, (240, 190, 110))
    for row in range(9):
        radius = 0.42 + 0.11 * row
        seats = 11 + 2 * row
        for seat in range(seats):
            angle = math.radians(90 + 100 * (seat / (seats - 1) - 0.5))
            lit = (row, seat) == (4, 9)
            colour = (255, 240, 205) if lit else (196, 62 + 8 * row, 58)
            place = (0.5 + radius * math.cos(angle), radius * math.sin(angle))
            _disc(pen, *place, 0.026, colour)
    return picture


def rings_that_close() -> Image.Image:
    """Rings on their way to being whole, as the hands of a clock."""
    picture, pen = _ground((12, 18, 30), (20, 44, 62))
    colours: list[Colour] = [(255, 93, 90), (255, 160, 70), (250, 216, 90), (94, 214, 190)]
    for number, colour in enumerate(colours):
        radius, middle = (0.42 - 0.09 * number) * _W, (_W / 2, 0.68 * _W)
        box = [middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius]
        pen.arc(box, 0, 360, (34, 58, 78), round(0.05 * _W))
        pen.arc(box, -90, 230 - 65 * number, colour, round(0.05 * _W))
    _disc(pen, 0.5, 0.68, 0.045, (240, 246, 250))
    return picture


def three_strings() -> Image.Image:
    """Three strings that swing, and leaves."""
    picture, pen = _ground((250, 244, 228), (238, 222, 190))
    chance = Random(4)  # noqa: S311  (a picture, no secret)
    greens: list[Colour] = [(96, 146, 92), (140, 178, 104), (62, 112, 84)]
    for number, colour in enumerate(greens):
        left = 0.28 + 0.2 * number
        line = [
            ((left + 0.07 * math.sin(y / 60 * math.pi * (2 + number))) * _W, y / 60 * _H)
            for y in range(61)
        ]
        pen.line(line, (92, 64, 46), round(0.006 * _W), joint="curve")
        for x, y in line[4 + number :: 5]:
            side = chance.choice((-1, 1))
            _leaf(pen, x, y, side * chance.uniform(0.07, 0.12) * _W, colour)
    return picture


def _leaf(pen: ImageDraw.ImageDraw, x: float, y: float, length: float, colour: Colour) -> None:
    steps = [step / 20 for step in range(21)]
    bulge = [0.35 * abs(length) * math.sin(math.pi * t) for t in steps]
    spine = [(x + length * t, y - 20 * t) for t in steps]
    upper = [(px, py - by) for (px, py), by in zip(spine, bulge, strict=True)]
    lower = [(px, py + 0.3 * by) for (px, py), by in zip(spine, bulge, strict=True)]
    pen.polygon(upper + lower[::-1], colour)


def mountains_in_snow() -> Image.Image:
    """A pale sun, mountains one behind the other, and the way between them."""
    picture, pen = _ground((196, 216, 232), (240, 244, 248))
    _disc(pen, 0.3, 0.34, 0.1, (255, 250, 236))
    chance = Random(5)  # noqa: S311  (a picture, no secret)
    shades: list[Colour] = [(158, 184, 208), (112, 146, 178), (70, 106, 144), (40, 70, 104)]
    for number, colour in enumerate(shades):
        base = 0.66 + 0.17 * number
        points = [(0.0, base)]
        while points[-1][0] < 1:
            x = points[-1][0] + chance.uniform(0.07, 0.16)
            points.append((x, base + chance.uniform(-0.12, 0.1)))
        corners = [(x * _W, y * _W) for x, y in points]
        pen.polygon([*corners, (_W, _H), (0, _H)], colour)
    for _ in range(160):
        _disc(
            pen, chance.random(), chance.random() * 1.41, chance.uniform(0.002, 0.006), (255,) * 3
        )
    return picture


def pinwheel() -> Image.Image:
    """A pinwheel on a lawn."""
    picture, pen = _ground((120, 200, 236), (226, 242, 214))
    pen.ellipse([-0.4 * _W, 1.08 * _W, 1.4 * _W, 2.2 * _W], (104, 174, 84))
    pen.line([(0.5 * _W, 0.6 * _W), (0.5 * _W, 1.3 * _W)], (120, 84, 56), round(0.018 * _W))
    colours: list[Colour] = [(240, 86, 80), (250, 188, 60), (64, 132, 200), (250, 250, 245)]
    for number in range(8):
        angle = math.radians(45 * number + 12)
        tip = (0.5 + 0.34 * math.cos(angle), 0.6 + 0.34 * math.sin(angle))
        wing = math.radians(45 * number + 52)
        side = (0.5 + 0.24 * math.cos(wing), 0.6 + 0.24 * math.sin(wing))
        corners = [(x * _W, y * _W) for x, y in ((0.5, 0.6), tip, side)]
        pen.polygon(corners, colours[number % len(colours)])
    _disc(pen, 0.5, 0.6, 0.03, (60, 48, 40))
    return picture


# In the order of the programme.
_POSTERS: tuple[Callable[[], Image.Image], ...] = (
    roofs_at_night,
    rows_of_chairs,
    rings_that_close,
    three_strings,
    mountains_in_snow,
    pinwheel,
)


@cache
def files(number: int) -> PosterFiles:
    """Return the poster of a concert of the programme, `WIDTH` x `HEIGHT` pixels."""
    return files_of(_POSTERS[number]().reduce(_FINE))
