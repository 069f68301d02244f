"""A sale goes into a file without a person, and comes back to be rehearsed."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concerts.models import Performance
from concerts.queries import layout_of
from kernel import clock
from proof.rush import sale_file, seeding
from proof.rush.profiles import PROFILES
from proof.rush.sale_file import OPENINGS, SaleFileInvalid
from queueing.models import QueueConfig
from queueing.usecases import config
from reservations.models import SalePolicy, SeatInventory
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.holding import place


@pytest.fixture
def prepared():
    """A sale of staff's own, with a waiting room and a fan who holds a seat."""
    performance = make_performance(seats=30, price=77_000, max_seats_per_fan=3, orphan_rule=True)
    now = clock.now()
    config.set_config(
        performance_id=performance.pk,
        changes={
            "queue_opens_at": now - timedelta(hours=2),
            "admission_opens_at": now - timedelta(hours=1),
            "rate_per_second": "12.50",
            "capacity": 40,
            "joins_per_minute": 9,
            "abuse_check": "PROOF_OF_WORK",
        },
        actor_id=None,
        reason="staff",
        now=now,
    )
    return performance


def test_a_sale_comes_back_as_it_was(prepared):
    exported = sale_file.export(prepared.pk)
    again = sale_file.parse(sale_file.dump(exported))
    # But for microseconds, which the form of times has no place for.
    assert sale_file.dump(again) == sale_file.dump(exported)
    assert (again.layout, again.policy, again.queue) == (
        exported.layout, exported.policy, exported.queue
    )  # fmt: skip
    seeded = seeding.seed(again, now=clock.now())
    copy = seeded["performance_id"]
    assert layout_of(copy) == layout_of(prepared.pk)
    assert seeded | {"performance_id": ""} == {
        "performance_id": "", "seats": 30, "dearest": 77_000, "most_each": 3, "rate": 12.5,
        "capacity": 40, "payment_seconds": 300,
    }  # fmt: skip
    policy = SalePolicy.objects.get(performance_id=copy)
    assert (policy.max_seats_per_fan, policy.orphan_rule) == (3, True)
    queue = QueueConfig.objects.get(performance_id=copy)
    assert (queue.joins_per_minute, queue.capacity) == (9, 40)
    assert SeatInventory.objects.filter(performance_id=copy).count() == 30


def test_a_rehearsed_sale_opens_now_and_asks_nothing_that_a_program_cannot_do(prepared):
    now = clock.now()
    seeded = seeding.seed(sale_file.export(prepared.pk), now=now)
    policy = SalePolicy.objects.get(performance_id=seeded["performance_id"])
    queue = QueueConfig.objects.get(performance_id=seeded["performance_id"])
    assert policy.sale_opens_at == queue.admission_opens_at == now
    assert queue.queue_opens_at < now
    assert (queue.abuse_check, queue.state) == ("OFF", "OPEN")
    assert policy.sale_closes_at > now + timedelta(hours=1)


def test_a_sale_that_closes_at_once_stays_open_for_the_rehearsal(prepared):
    exported = sale_file.export(prepared.pk)
    exported.windows["sale_closes_at"] = exported.windows["sale_opens_at"] + timedelta(seconds=1)
    now = clock.now()
    seeded = seeding.seed(exported, now=now)
    policy = SalePolicy.objects.get(performance_id=seeded["performance_id"])
    assert policy.sale_closes_at > now + timedelta(hours=1)


def test_no_person_is_in_a_file(prepared):
    fan = make_user(email="kim.secret@example.com", display_name="Kim Secret")
    QueueConfig.objects.filter(performance=prepared).update(queue_required=False)
    held = place(fan, prepared, seat_ids(prepared)[:1])
    text = sale_file.dump(sale_file.export(prepared.pk))
    ids = {str(fan.pk), str(held.id), str(prepared.pk), str(prepared.concert_id)}
    ids |= {str(seat) for seat in seat_ids(prepared)}
    assert not [one for one in ids if one in text]
    assert "secret" not in text.lower()
    assert set(json.loads(text)) == {"format", "layout", "windows", "policy", "queue"}
    assert "@" not in text


def test_a_sale_without_a_waiting_room_has_none(prepared):
    QueueConfig.objects.filter(performance=prepared).update(queue_required=False)
    exported = sale_file.parse(sale_file.dump(sale_file.export(prepared.pk)))
    assert exported.queue is None
    assert {exported.windows[name] for name in OPENINGS} == {None}
    seeded = seeding.seed(exported, now=clock.now())
    assert seeded["rate"] is None
    assert not QueueConfig.objects.filter(performance_id=seeded["performance_id"]).exists()


def test_the_demo_gives_the_hall_that_is_nearest_with_the_load_of_the_profile():
    make_performance(seats=40)
    make_performance(seats=210)
    made = seeding.demo_sale(PROFILES["small"])
    assert len(made.layout.seats) == 210
    assert float(made.queue["rate_per_second"]) == PROFILES["small"].admitted_per_second
    seeded = seeding.seed(made, now=clock.now())
    assert seeded["capacity"] == 200
    policy = SalePolicy.objects.get(performance_id=seeded["performance_id"])
    assert policy.hold_seconds == PROFILES["small"].hold_seconds


def test_without_demo_data_and_for_what_is_no_sale_there_is_a_refusal():
    with pytest.raises(SaleFileInvalid, match="no demo data"):
        seeding.demo_sale(PROFILES["small"])
    with pytest.raises(SaleFileInvalid, match="no seats"):
        sale_file.export(make_performance(seats=0, on_sale=False).pk)


def changed(text: str, *path: str, to: object) -> str:
    document = json.loads(text)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = to
    return json.dumps(document)


@pytest.mark.parametrize(
    ("path", "to", "words"),
    [
        (("format",), "frontrow-sale/2", "format is frontrow-sale/1"),
        (("person",), "Kim", "the sale has no member 'person'"),
        (("policy",), [], "policy must be an object"),
        (("policy", "hold_seconds"), 0, "policy.hold_seconds"),
        (("policy", "hold_seconds"), "many", "policy.hold_seconds"),
        (("policy", "user_id"), 1, "policy has no member 'user_id'"),
        (("queue", "rate_per_second"), "9e99", "queue.rate_per_second"),
        (("queue", "abuse_check"), "NONE", "queue.abuse_check"),
        (("windows", "sale_opens_at"), "soon", "windows.sale_opens_at"),
        (("windows", "sale_opens_at"), None, "windows.sale_opens_at"),
        (("windows", "sale_closes_at"), "2026-12-01T11:00:00", "needs its offset"),
        (("windows", "sale_closes_at"), "2000-12-01T11:00:00Z", "must open before it closes"),
        (("layout", "grades"), [], "layout: "),
        (("layout",), 1, "layout: "),
    ],
)
def test_a_bad_file_is_refused_in_one_line(prepared, tmp_path, path, to, words):
    text = sale_file.dump(sale_file.export(prepared.pk))
    file = tmp_path / "sale.json"
    file.write_text(changed(text, *path, to=to))
    with pytest.raises(SaleFileInvalid) as refused:
        sale_file.read(file)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 5000, b'{"a":1,"a":2}'])
def test_what_is_no_json_is_refused(tmp_path, content):
    file = tmp_path / "sale.json"
    file.write_bytes(content)
    with pytest.raises(SaleFileInvalid):
        sale_file.read(file)
    with pytest.raises(SaleFileInvalid):
        sale_file.read(tmp_path / "gone.json")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_MEMBERS = ("format", "layout", "windows", "policy", "queue")


@given(st.fixed_dictionaries(dict.fromkeys(_MEMBERS[1:], _JSON)))
def test_no_document_is_an_error_of_ours(document):
    with pytest.raises(SaleFileInvalid):
        sale_file.parse(json.dumps({"format": sale_file.FORMAT, **document}))


def test_what_is_left_says_what_the_rows_say(prepared):
    made = seeding.what_is_left(prepared.pk)
    final = made.pop("final")
    assert made == {
        "sold": 0, "oversold": 0, "without_ticket": 0, "reservations": {}, "spent": 0,
        "captured": 0,
    }  # fmt: skip
    assert final["seats"] == {str(seat): "A" for seat in seat_ids(prepared)}
    assert Performance.objects.filter(pk=prepared.pk).exists()
