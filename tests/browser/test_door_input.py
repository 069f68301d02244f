"""What the door reads, without a page: keys of scanners, codes in sight, what an answer says."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Pure
from tests.support.browser_pages import browser_pages
from tests.support.door_devices import wedge

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
# Presses are [code, shift, time].
KEYS = """(m, presses) => {
  const wedge = new m.Wedge();
  return presses.map(([code, shift, at]) => wedge.key(code, shift, at) ?? null).at(-1);
}"""
SILENT = """(m, presses) => {
  const wedge = new m.Wedge();
  for (const [code, shift, at] of presses) wedge.key(code, shift, at);
  return wedge.silence() ?? null;
}"""
LISTEN = """async () => {
  const m = await import("/static-tests/pure.js");
  window.scanned = [];
  m.listenToWedge((text) => window.scanned.push(text));
}"""
# How many cameras are on after two presses, the second of which is given.
CAMERAS = """async (second) => {
  const { DoorCamera } = await import("/static-tests/pure.js");
  const devices = navigator.mediaDevices;
  const ask = MediaDevices.prototype.getUserMedia;
  const streams = [];
  devices.getUserMedia = async (wish) => {
    const stream = await ask.call(devices, wish);
    streams.push(stream);
    return stream;
  };
  const camera = new DoorCamera(document.querySelector("video"), () => undefined);
  await Promise.allSettled([camera.start(), camera[second]()]);
  return streams.filter((one) => one.getTracks()[0].readyState === "live").length;
}"""
SEEN = """(m, looks) => {
  const sight = new m.Sight();
  return looks.map(([code, at]) => sight.news([code], at));
}"""
PLACES = {
    " ": ("Space", False), "$": ("Digit4", True), "%": ("Digit5", True), "*": ("Digit8", True),
    "+": ("Equal", True), "-": ("Minus", False), ".": ("Period", False), "/": ("Slash", False),
    ":": ("Semicolon", True),
}  # fmt: skip


def presses(text: str, *, pace: float = 5, end: str = "Enter") -> list[list[Any]]:
    """Return the keys of a text as a scanner presses them, `pace` milliseconds apart."""
    keys: list[tuple[str, bool]] = []
    for sign in text:
        if sign.isalpha():
            keys.append((f"Key{sign.upper()}", sign.isupper()))
        elif sign.isdigit():
            keys.append((f"Digit{sign}", False))
        else:
            keys.append(PLACES[sign])
    keys += [(end, False)] if end else []
    return [[code, shift, nth * pace] for nth, (code, shift) in enumerate(keys)]


def test_every_character_of_a_qr_code_is_read_by_its_key(pure: Pure):
    assert pure(KEYS, presses(ALPHABET)) == ALPHABET


def test_small_letters_are_a_code_too_and_the_old_form_keeps_its_case(pure: Pure):
    assert pure(KEYS, presses("7kx2m9qwe4tz")) == "7KX2M9QWE4TZ"
    assert pure(KEYS, presses("eyJhbGciOi.J9-x")) == "eyJhbGciOi.J9-x"


def test_shift_between_the_keys_is_no_character(pure: Pure):
    keys = presses("7KX2M9QWE4TZ")
    with_shift = [one for key in keys for one in (["ShiftLeft", True, key[2]], key)]
    assert pure(KEYS, with_shift) == "7KX2M9QWE4TZ"


@pytest.mark.parametrize("end", ["Enter", "NumpadEnter", "Tab"])
def test_a_scan_ends_as_the_scanner_is_set(pure: Pure, end: str):
    assert pure(KEYS, presses("7KX2M9QWE4TZ", end=end)) == "7KX2M9QWE4TZ"


@pytest.mark.parametrize("length", [12, 122])
def test_without_an_end_a_whole_code_counts_after_a_silence(pure: Pure, length: int):
    assert pure(SILENT, presses("A" * length, end="")) == "A" * length
    assert pure(SILENT, presses("A" * (length - 1), end="")) is None


def test_a_person_is_no_scanner_whatever_is_typed(pure: Pure):
    assert pure(KEYS, presses("7KX2M9QWE4TZ", pace=60)) is None
    assert pure(KEYS, presses("HELLO")) is None  # too short for a code


def test_what_a_person_typed_before_is_no_part_of_a_scan(pure: Pure):
    typed = [["KeyA", False, 0], ["KeyB", False, 200]]
    scan = [[code, shift, at + 1000] for code, shift, at in presses("7KX2M9QWE4TZ")]
    assert pure(KEYS, typed + scan) == "7KX2M9QWE4TZ"


@pytest.mark.parametrize("code", ["ABCDEFGHJKMN", "7KX2M9QWE4TZ", "7kx2m9qwe4tz"])
def test_a_scan_leaves_nothing_in_the_field_that_has_the_focus(browser: Browser, code: str):
    with browser_pages("") as pages:
        body = '{data}<label>Words <input id="words" value="half"></label>'
        page = browser.new_page()
        page.goto(pages.add("/", script="site", data={"page": "home"}, body=body))
        page.evaluate(LISTEN)
        page.locator("#words").focus()
        wedge(page, code)
        page.wait_for_function("() => window.scanned.length === 1", polling=50)
        assert page.evaluate("scanned") == [code.upper()]
        expect(page.locator("#words")).to_have_value("half")
        page.close()


def test_a_ticket_that_stays_in_sight_is_scanned_once(pure: Pure):
    looks = [["A", 0], ["A", 80], ["A", 2000], ["A", 4000], ["B", 4080], ["A", 7000]]
    seen = pure(SEEN, looks)
    assert seen == [["A"], [], [], [], ["B"], ["A"]]


def test_of_two_presses_one_camera_stays_on_and_none_after_it_was_turned_off(
    launch_browser: Callable[..., Browser],
):
    fake = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with browser_pages("") as pages:
        camera = launch_browser(*fake)
        page = camera.new_page()
        body = "{data}<video muted></video>"
        page.goto(pages.add("/", script="site", data={"page": "home"}, body=body))
        assert page.evaluate(CAMERAS, "start") == 1
        assert page.evaluate(CAMERAS, "stop") == 0
        camera.close()


def decision(**changes: object) -> dict[str, object]:
    facts = {
        "scanId": "1", "outcome": "admitted", "seat": "A-3-12", "holder": "Kim", "at": None,
        "gate": None, "checkinId": "2", "byList": False,
    }  # fmt: skip
    return facts | changes


def test_an_answer_says_whose_seat_it_is_and_where_the_ticket_was_before(pure: Pure):
    detail = "(m, one) => m.detailOf(one)"
    assert pure(detail, decision()) == "A-3-12 · Kim"
    said = pure(
        detail,
        decision(outcome="already_admitted", at="2026-12-24T10:00:00.000Z", gate="North"),
    )
    assert said.startswith("A-3-12 · Kim\n")
    assert said.endswith(", North")
    assert "network" in pure(detail, decision(byList=True))
    unsigned = decision(outcome="type_code", seat=None, holder=None, byList=True)
    assert "Type the ticket's code by hand" in pure(detail, unsigned)


def test_every_outcome_has_a_word_and_a_tone_and_only_one_admits(pure: Pure):
    tones = pure(
        "(m) => Object.fromEntries(Object.entries(m.ANSWERS).map(([k, v]) => [k, v.tone]))"
    )
    assert [name for name, tone in tones.items() if tone == "good"] == ["admitted"]
    assert set(tones.values()) == {"good", "warm", "bad"}


def test_the_network_s_line_says_what_to_do(pure: Pure):
    standing = {"online": True, "listAsOf": "x", "refusal": None, "checksSignatures": True}
    line = "(m, s) => { const { says, alarms } = m.networkOf(s); return [says, alarms]; }"
    assert pure(line, standing) == ["Online", False]
    assert pure(line, standing | {"online": False})[1] is True
    assert "Connect" in pure(line, standing | {"online": False, "listAsOf": None})[0]
    assert "log in" in pure(line, standing | {"refusal": "not_authenticated"})[0]
    said, alarms = pure(line, standing | {"checksSignatures": False})
    assert (alarms, "update" in said) == (True, True)  # while there is a network to update by


@pytest.mark.parametrize(
    ("status", "code", "is_none"),
    [
        (0, "offline", True), (0, "timeout", True), (408, "request_timeout", True),
        (429, "rate_limited", True), (500, "internal_error", True), (503, "unavailable", True),
        (401, "not_authenticated", False), (403, "csrf_failed", False), (409, "x", False),
    ],
)  # fmt: skip
def test_what_says_nothing_of_a_scan_is_no_answer(
    pure: Pure, status: int, code: str, is_none: bool
):
    problem = {"status": status, "code": code}
    assert pure("(m, problem) => m.isNoAnswer(problem)", problem) is is_none
