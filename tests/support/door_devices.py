"""The door's page in a browser: a device at a gate, a scanner, a camera."""

from collections.abc import Callable
from pathlib import Path

import segno
from PIL import Image
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.support.site import Sale, Site

WIDTH, HEIGHT = 1280, 720
# A ticket on paper, held at an angle under the light of a hall.
PAPER = """<body style="margin:0;width:1280px;height:720px;background:#4a4640;display:grid;
place-items:center"><div style="background:#e9e6df;padding:44px;width:380px;
filter:blur(.7px) brightness(.86) contrast(.82);
transform:perspective(1000px) rotateX(24deg) rotateY(-20deg) rotateZ(17deg)">
<p style="font:22px sans-serif;margin:0 0 18px">Frontrow · A-3-12</p>{code}</div>"""
# Letters of the Hangul keyboard at the places of A to Z.
_JAMO = "ㅁㅠㅊㅇㄷㄹㅎㅗㅑㅓㅏㅣㅡㅜㅐㅔㅂㄱㄴㅅㅕㅍㅈㅌㅛㅋ"
HANGUL = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _JAMO, strict=True))
_PLACES = {
    " ": ("Space", False),
    "$": ("Digit4", True),
    "%": ("Digit5", True),
    "*": ("Digit8", True),
    "+": ("Equal", True),
    "-": ("Minus", False),
    ".": ("Period", False),
    "/": ("Slash", False),
    ":": ("Semicolon", True),
}
_SHIFT = 8


def code_picture(text: str) -> str:
    """Return a QR code as tickets have it, as SVG."""
    made = segno.make_qr(text, error="m", boost_error=False)
    return made.svg_inline(border=4, omitsize=True, light="#fff", dark="#111")


def film(browser: Browser, text: str, into: Path) -> Path:
    """Write a Y4M film of a tilted ticket with a QR code; return it."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_content(PAPER.format(code=code_picture(text)))
    shot = into / "ticket.png"
    page.screenshot(path=shot)
    page.close()
    luma, blue, red = Image.open(shot).convert("YCbCr").split()
    half = (WIDTH // 2, HEIGHT // 2)
    frame = luma.tobytes() + blue.resize(half).tobytes() + red.resize(half).tobytes()
    made = into / "ticket.y4m"
    head = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420\n".encode()
    made.write_bytes(head + 4 * (b"FRAME\n" + frame))
    return made


def open_gate(
    page: Page, site: Site, sale: Sale, language: str = "en", gate: str = "North"
) -> None:
    """Choose a performance and a gate, as before the doors open."""
    page.goto(f"{site.url}/en/door/?choose")
    page.locator(f'a[href="/en/door/{sale.performance_id}/"]').click()
    page.locator("#gate").fill(gate)
    page.locator("[data-fr-gate-form] button").click()
    expect(page.locator("fr-door")).to_have_attribute("data-fr-ready", "yes")


def is_answered(page: Page, outcome: str) -> None:
    """Await an answer on the whole screen."""
    screen = page.locator("[data-fr-answer]")
    expect(screen).to_have_attribute("data-outcome", outcome)
    expect(screen).to_be_visible()


def type_code(page: Page, code: str) -> None:
    """Type a code by hand."""
    page.locator("#code").fill(code)
    page.locator("[data-fr-code-form] button").click()


def wedge(
    page: Page,
    text: str,
    *,
    key_of: Callable[[str], str] = str,
    pace: float = 0.004,
    start: float = 0,
    end: str | None = "Enter",
) -> None:
    """Let a scanner type: keys as the device sends them, `pace` seconds apart.

    `key_of` is what the keyboard's layout makes of a letter; times are the events' own, so that a
    busy machine changes no pace.
    """
    session: CDPSession = page.context.new_cdp_session(page)
    at = start or page.evaluate("(performance.timeOrigin + performance.now()) / 1000")
    for character in text:
        code, shift = _place_of(character)
        key = key_of(character) if character.isalpha() else character
        held = {"modifiers": _SHIFT} if shift else {}
        presses = [
            {"type": kind, "code": code, "key": key, "timestamp": at} | held
            for kind in ("rawKeyDown", "keyUp")
        ]
        if shift:
            shift_key = {"code": "ShiftLeft", "key": "Shift", "timestamp": at}
            presses.insert(0, {"type": "rawKeyDown", "modifiers": _SHIFT} | shift_key)
            presses.append({"type": "keyUp"} | shift_key)
        for event in presses:
            session.send("Input.dispatchKeyEvent", event)
        at += pace
    if end:
        for kind in ("rawKeyDown", "keyUp"):
            event = {"type": kind, "code": end, "key": end, "timestamp": at}
            session.send("Input.dispatchKeyEvent", event | {"windowsVirtualKeyCode": 13})
    session.detach()


def _place_of(character: str) -> tuple[str, bool]:
    if character.isalpha():
        return f"Key{character.upper()}", character.isupper()
    if character.isdigit():
        return f"Digit{character}", False
    return _PLACES[character]
