"""What a gate knows without a network: whose code it is, who signed it, what the list says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from kernel.ids import uuid7
from kernel.signing.jwks import public_jwks
from kernel.signing.jwt import sign_jwt
from kernel.text import base45
from tests.browser.conftest import Pure
from tests.support.signing import ring_in, rotate
from tickets import codes, policy, qr
from tickets.queries import code_hash

HERE, ELSEWHERE = uuid7(), uuid7()
CODE = "7KX2M9QWE4TZ"
START = datetime(2026, 12, 24, 10, tzinfo=UTC)
LOOK = """async (m, { text, keys, performanceId }) => {
  const scanned = m.read(text);
  if (typeof scanned === "string") return scanned;
  const hash = await m.hashOf(performanceId, scanned.code);
  if (!m.isSigned(scanned)) return ["typed", scanned.code, hash, null];
  const signatures = await m.Signatures.by(keys);
  const isHere = await scanned.isFor(performanceId);
  return [await signatures.proofOf(scanned), scanned.code, hash, isHere];
}"""
DECIDE = "(m, { known, by, doors, now }) => m.decide(known, by, doors, now)"
FIND = """(m, { entries, words }) => {
  const list = new m.AdmissionList();
  list.put(entries);
  return list.find(words).map((entry) => entry.seat);
}"""


@pytest.fixture(autouse=True)
def ring(tmp_path: Path, settings: Any) -> Any:
    with ring_in(tmp_path / "keys.json", settings) as path:
        yield path


def keys() -> list[dict[str, Any]]:
    return [key for key in public_jwks()["keys"] if key["frontrow_use"] == "ticket"]


def printed(code: str = CODE, performance_id: UUID = HERE) -> str:
    return qr.write(code=code, performance_id=performance_id, expires_at=START + timedelta(days=1))


def in_the_old_form(audience: str = policy.QR_AUDIENCE, **claims: object) -> str:
    known = {"aud": audience, "exp": 2_000_000_000, "code": CODE, "performance": str(HERE)}
    return sign_jwt("ticket", known | claims)


def look(pure: Pure, text: str, by: list[dict[str, Any]] | None = None) -> Any:
    given = {"text": text, "keys": keys() if by is None else by, "performanceId": str(HERE)}
    return pure(LOOK, given)


def changed(text: str, at: int) -> str:
    data = bytearray(base45.decode(text))
    data[at] ^= 1
    return base45.encode(bytes(data))


# --- codes and signatures


@pytest.mark.parametrize("write", [printed, in_the_old_form])
def test_a_signed_ticket_is_read_and_its_signature_checked_without_the_server(pure: Pure, write):
    assert look(pure, write()) == ["genuine", CODE, code_hash(HERE, CODE), True]


@pytest.mark.parametrize("code", ["000000000000", "ZZZZZZZZZZZZ", "0123456789AB", "CDEFGHJKMNPQ"])
def test_any_code_is_read_as_the_server_reads_it(pure: Pure, code: str):
    assert look(pure, printed(code))[1] == code


def test_a_ticket_of_another_performance_says_so(pure: Pure):
    assert look(pure, printed(performance_id=ELSEWHERE))[3] is False
    assert look(pure, in_the_old_form(performance=str(ELSEWHERE)))[3] is False


@pytest.mark.parametrize("at", [1, 5, 9, 16, 17, 80])
def test_a_ticket_that_was_changed_anywhere_is_forged(pure: Pure, at: int):
    assert look(pure, changed(printed(), at))[0] == "forged"


def test_what_only_looks_like_a_ticket_is_forged(pure: Pure):
    text = printed()
    others = [text.lower(), "1" * qr.LENGTH, ":" * qr.LENGTH, changed(text, 0)]
    others += ["ey", "eyJ.e30.x", in_the_old_form(audience="another"), in_the_old_form(code=7)]
    assert [look(pure, one) for one in others] == ["forged"] * len(others)
    assert [codes.code_in(one) for one in others] == [None] * len(others)
    signed, of_another = in_the_old_form(), in_the_old_form(code="0" * 12)
    mixed = ".".join([*signed.split(".")[:2], of_another.split(".")[2]])
    assert look(pure, mixed)[0] == "forged"


def test_a_key_that_the_page_was_not_given_is_unknown_and_not_forged(pure: Pure, ring: Path):
    before, tag = keys(), base45.decode(printed())[4]
    while base45.decode(printed())[4] == tag:  # a byte names the key: one in 256 is the same
        rotate(ring, "ticket")
    fresh = printed()
    assert look(pure, fresh, by=before)[:2] == ["unknown", CODE]
    assert look(pure, fresh)[0] == "genuine"


def test_a_browser_without_the_algorithm_can_say_nothing_of_a_signature(pure: Pure):
    strange = [{**key, "crv": "Ed448"} for key in keys()]
    assert look(pure, printed(), by=strange)[0] == "unknown"


TYPED = ["7kx2m9qwe4tz", "7KX2-M9QW-E4TZ", " 7KX2 M9QW E4TZ ", "O0IL11OIL000"]
TYPED_WRONG = ["", "7KX2", "🎫" * 12, "7KX2M9QWE4TU", "7KX2M9QWE4TZ7", "x" * 2000, "7KX2_M9QW_E4"]


@pytest.mark.parametrize("typed", [*TYPED, *TYPED_WRONG])
def test_a_typed_code_is_what_the_server_takes_it_for(pure: Pure, typed: str):
    found = look(pure, typed)
    code = codes.code_in(typed)
    assert found == ("nothing" if code is None else ["typed", code, code_hash(HERE, code), None])


# --- what the list decides

DOORS = {"opensAt": "2026-12-23T22:00:00.000Z", "closesAt": "2026-12-24T16:00:00.000Z"}
ENTRY = {
    "hash": "0" * 12, "seat": "A-3-12", "initials": "홍", "status": "VALID",
    "at": None, "gate": None,
}  # fmt: skip
USED = {**ENTRY, "status": "USED", "at": "2026-12-24T08:00:00.000Z", "gate": "north"}
OWN = {"at": "2026-12-24T09:00:00.000Z", "gate": "south"}


def decided(pure: Pure, *, at: datetime = START, by: str = "hand", **changes: object) -> Any:
    known = {"proof": "genuine", "isHere": True, "entry": ENTRY, "hasList": True, **changes}
    now = at.timestamp() * 1000
    return pure(DECIDE, {"known": known, "by": by, "doors": DOORS, "now": now})


@pytest.mark.parametrize(
    ("outcome", "known"),
    [
        ("admitted", {}),
        ("admitted", {"by": "camera"}),
        ("admitted", {"by": "scanner", "entry": None}),
        ("type_code", {"by": "camera", "proof": "typed"}),
        ("type_code", {"by": "scanner", "proof": "typed"}),
        ("type_code", {"by": "camera", "proof": "unknown"}),
        ("already_admitted", {"by": "camera", "proof": "typed", "own": OWN}),
        ("type_code", {"by": "scanner", "proof": "typed", "entry": None}),
        ("not_signed", {"by": "camera", "proof": "forged"}),
        ("ticket_not_found", {"by": "camera", "proof": "nothing", "entry": None}),
        ("no_list", {"by": "camera", "proof": "typed", "entry": None, "hasList": False}),
        ("admitted", {"proof": "typed"}),
        ("admitted", {"proof": "unknown"}),
        ("admitted", {"entry": None}),  # sold after the list was made
        ("no_list", {"entry": None, "hasList": False}),  # it may be void
        ("ticket_not_found", {"proof": "typed", "entry": None}),
        ("ticket_not_found", {"proof": "unknown", "entry": None}),
        ("ticket_not_found", {"proof": "nothing", "entry": None}),
        ("not_signed", {"proof": "forged"}),
        ("wrong_performance", {"isHere": False, "entry": None}),
        ("ticket_void", {"entry": {**ENTRY, "status": "VOID"}}),
        ("doors_closed", {"at": START - timedelta(hours=12.1)}),
        ("admitted", {"at": START - timedelta(hours=11.9)}),
        ("admitted", {"at": START + timedelta(hours=5.9)}),
        ("doors_closed", {"at": START + timedelta(hours=6.1)}),
        ("ticket_void", {"entry": {**ENTRY, "status": "VOID"}, "at": START + timedelta(days=1)}),
    ],
)
def test_the_list_decides_as_the_server_would(pure: Pure, outcome: str, known: dict[str, Any]):
    assert decided(pure, **known)["outcome"] == outcome


def test_who_is_in_already_is_in_by_the_list_or_by_this_gate(pure: Pure):
    elsewhere = decided(pure, entry=USED)
    assert elsewhere == {"outcome": "already_admitted", "at": USED["at"], "gate": "north"}
    assert decided(pure, own=OWN) == {"outcome": "already_admitted", **OWN}
    assert decided(pure, own=OWN, entry=None)["outcome"] == "already_admitted"


def test_without_a_time_of_opening_a_ticket_admits_a_month_early(pure: Pure):
    early = {"known": {"proof": "typed", "isHere": True, "entry": ENTRY, "hasList": True}}
    doors = {**DOORS, "opensAt": None}
    now = (START - timedelta(days=30)).timestamp() * 1000
    given = {**early, "by": "hand", "doors": doors, "now": now}
    assert pure(DECIDE, given)["outcome"] == "admitted"


@pytest.mark.parametrize(
    ("words", "seats"),
    [
        ("A-3-12", ["A-3-12"]),
        ("a 3 12", ["A-3-12"]),
        ("A구역 3열 12번", ["A-3-12"]),
        ("Section A, row 3, seat 12", ["A-3-12"]),
        ("A-3", ["A-3-12", "A-3-13"]),
        ("A-3-1", []),
        ("홍", ["A-3-12"]),
        ("kml", ["B-1-1"]),
        ("", []),
        (" ", []),
        ("row", []),
    ],
)
def test_tickets_are_found_by_seat_row_or_initials(pure: Pure, words: str, seats: list[str]):
    rows = [("A-3-12", "홍"), ("A-3-13", "김"), ("A-31-1", "김"), ("B-1-1", "KML")]
    entries = [
        {**ENTRY, "hash": str(nth), "seat": seat, "initials": initials}
        for nth, (seat, initials) in enumerate(rows)
    ]
    assert pure(FIND, {"entries": entries, "words": words}) == seats


def test_a_ticket_that_changes_is_counted_at_its_gate_alone(pure: Pure):
    count = """(m, steps) => {
      const list = new m.AdmissionList();
      return steps.map((entry) => {
        list.put([entry]);
        return Object.fromEntries(list.admittedByGate());
      });
    }"""
    steps = [ENTRY, USED, USED, {**USED, "gate": "south"}, ENTRY]
    assert pure(count, steps) == [{}, {"north": 1}, {"north": 1}, {"south": 1}, {}]


def test_scans_go_in_their_order_by_performance_and_at_most_two_hundred_at_once(pure: Pure):
    scans = [
        {"scanId": nth, "performanceId": "one" if nth % 3 else "other", "batchUrl": "/batch/"}
        for nth in range(700)
    ]
    sent = pure("(m, scans) => m.batches(scans)", scans)
    assert max(len(batch) for batch in sent) == policy.SCANS_AT_ONCE
    for batch in sent:
        assert len({scan["performanceId"] for scan in batch}) == 1
    for name in ("one", "other"):
        ids = [s["scanId"] for batch in sent for s in batch if s["performanceId"] == name]
        assert ids == sorted(ids)
    assert sum(len(batch) for batch in sent) == 700
