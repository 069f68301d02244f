"""Note [Beacons]: a public value that nobody knew at the commitment decides what the seed gives."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler

import pytest
from django.db import IntegrityError, connections
from django.urls import reverse
from hypothesis import given
from hypothesis.strategies import text

from accounts.models import AuditEntry, User
from concerts.errors import NeedsConfirmation, PerformanceNotFound
from kernel.ids import uuid7
from queueing import beacons, draw, draw_check, policy, queries, tasks
from queueing.errors import BeaconInvalid, DrawBegun
from queueing.models import DrawCommitment, QueueProgress
from queueing.usecases import draws, waiting_room
from tests.support.factories import make_user
from tests.support.small_server import served
from tests.support.staff_pages import browser_of
from tests.support.verifiers import verifier
from tests.support.waiting_rooms import Room, whole_second

VALUE = sha256(b"what a beacon said").hexdigest()
REASON = "announced in the press release"
PAGE = "admin:queueing_drawcommitment_changelist"


@pytest.fixture
def room(db_ready) -> Room:
    """A room that opens its doors in an hour, its draw committed to."""
    now = whole_second()
    opens = now + timedelta(hours=1)
    room = Room.open(
        now=now, queue_opens_at=opens, admission_opens_at=opens + timedelta(hours=1), capacity=5
    )
    waiting_room.advance(now=now)
    return room


def announced(room: Room, source: str = "a lottery", round_: str = "of Saturday", **terms) -> None:
    defaults = {"published_at": room.now + timedelta(minutes=30), "now": room.now}
    draws.announce_beacon(
        performance_id=room.performance.pk,
        source=source,
        round_=round_,
        actor_id=None,
        reason=REASON,
        **(defaults | terms),
    )


def entered(room: Room, value: str = VALUE, **terms) -> None:
    draws.enter_beacon(
        performance_id=room.performance.pk,
        value=value,
        actor_id=None,
        reason=REASON,
        **({"now": room.now} | terms),
    )


def shown(room: Room) -> dict:
    return queries.draw_facts_kept(room.performance.pk).as_json()


def drand_round(at: datetime) -> int:
    """Return the first round of drand that is published after `at`."""
    return int((at.timestamp() - policy.DRAND_GENESIS) // policy.DRAND_PERIOD_SECONDS) + 2


def drawn(room: Room) -> int:
    room.now = room.performance.queue_config.queue_opens_at
    return room.join()[1].number


def test_a_beacon_is_announced_entered_and_mixed_in(room):
    announced(room)
    assert shown(room)["beacon"] == {
        "source": "a lottery",
        "round": "of Saturday",
        "published_at": (room.now + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "value": None,
        "mixed": None,
    }
    entered(room.later(1800))
    number = drawn(room)
    seed = DrawCommitment.objects.get().draw_seed
    progress = QueueProgress.objects.get()
    key = sha256(f"{seed}:{VALUE}".encode()).hexdigest()[:32]
    assert progress.draw_seed == key == draw.key_of(seed, VALUE)
    assert number == draw.number_of(1, key=key, start=progress.draw_start)
    assert shown(room)["beacon"]["mixed"] is True


def test_anybody_computes_the_numbers_from_seed_and_beacon(room):
    announced(room)
    entered(room.later(1800))
    room.now = room.performance.queue_config.queue_opens_at
    users = room.join_many(20)
    numbers = [room.poll(user).number for user in users]
    waiting_room.advance(now=room.later(3601).now)
    room.admitted(users)
    waiting_room.advance(now=room.later(1).now)
    document = shown(room)
    compute = verifier("draw").number_of
    assert [compute(document, nth) for nth in range(1, 21)] == numbers


@pytest.mark.control
def test_control_without_the_beacon_the_same_seed_gives_other_numbers(room):
    announced(room)
    entered(room.later(1800))
    number = drawn(room)
    seed, start = DrawCommitment.objects.get().draw_seed, QueueProgress.objects.get().draw_start
    assert number != draw.number_of(1, key=seed, start=start)


def test_a_beacon_that_came_too_late_is_not_mixed_in_and_everybody_sees_that(room):
    announced(room)
    number = drawn(room)
    with pytest.raises(DrawBegun):
        entered(room)
    document = shown(room)
    assert document["beacon"]["mixed"] is False
    progress = QueueProgress.objects.get()
    assert number == draw.number_of(1, key=progress.draw_seed, start=progress.draw_start)
    with pytest.raises(ValueError, match="not mixed in"):
        seed = DrawCommitment.objects.get().draw_seed
        verifier("draw").number_of(document | {"seed": seed}, 1)


def test_the_first_who_is_drawn_and_a_value_that_comes_are_one_after_the_other(room):
    announced(room)
    entered(room.later(1800))
    drawn(room)
    for late in (lambda: entered(room), lambda: announced(room, published_at=None)):
        with pytest.raises((DrawBegun, BeaconInvalid)):
            late()
    assert DrawCommitment.objects.get().beacon_value == VALUE


class TestWhatIsAnnounced:
    def test_is_published_later_than_it_is_announced(self, room):
        for past in (room.now, room.now - timedelta(days=1)):
            with pytest.raises(BeaconInvalid):
                announced(room, published_at=past)

    def test_is_published_before_the_queue_opens(self, room):
        opens = room.performance.queue_config.queue_opens_at
        with pytest.raises(BeaconInvalid) as refusal:
            announced(room, published_at=opens)
        assert refusal.value.extras["problem"] == "after the queue opens"

    def test_is_published_ten_minutes_before_at_the_latest(self, room):
        latest = room.performance.queue_config.queue_opens_at - timedelta(minutes=10)
        with pytest.raises(BeaconInvalid) as refusal:
            announced(room, published_at=latest + timedelta(seconds=1))
        assert refusal.value.extras["problem"] == "too shortly before the queue opens"
        announced(room, published_at=latest)

    def test_keeps_its_time_before_an_opening_that_is_moved(self, room):
        announced(room)
        early = room.now + timedelta(minutes=35)
        with pytest.raises(NeedsConfirmation) as refusal:
            room.set_config(queue_opens_at=early)
        [question] = refusal.value.extras["questions"]
        assert question["code"] == "opening_before_beacon"
        room.set_config(queue_opens_at=room.now + timedelta(minutes=40))  # in time
        entered(room.later(1800))
        room.set_config(queue_opens_at=early)  # the value is there

    def test_may_change_until_its_value_exists_and_no_longer(self, room):
        announced(room)
        announced(room, round_="of Sunday", published_at=room.now + timedelta(minutes=20))
        assert shown(room)["beacon"]["round"] == "of Sunday"
        room.later(1200)
        with pytest.raises(BeaconInvalid):
            announced(room, round_="of Monday", published_at=room.now + timedelta(minutes=1))
        assert shown(room)["beacon"]["round"] == "of Sunday"

    def test_names_a_round_of_drand_whose_time_is_known(self, room):
        round_ = drand_round(room.now + timedelta(minutes=10))
        announced(room, policy.DRAND, str(round_), published_at=None)
        at = DrawCommitment.objects.get().beacon_published_at
        seconds = policy.DRAND_GENESIS + (round_ - 1) * policy.DRAND_PERIOD_SECONDS
        assert at == datetime.fromtimestamp(seconds, UTC)

    @pytest.mark.parametrize(
        ("source", "round_"),
        [
            ("", "1"),
            (" drand", "1"),
            ("x" * 101, "1"),
            ("a\nb", "1"),
            ("비콘", "1"),
            ("a\0", "1"),
            ("lottery", ""),
            ("lottery", "x" * 101),
            (policy.DRAND, "0"),
            (policy.DRAND, "-5"),
            (policy.DRAND, "1e9"),
            (policy.DRAND, "٣٣٣"),
            (policy.DRAND, "1"),
            (policy.DRAND, "999999999999999"),
            (policy.DRAND, "9" * 40),
            (policy.DRAND, "../7"),
        ],
    )
    def test_is_refused_where_it_cannot_be(self, room, source, round_):
        with pytest.raises(BeaconInvalid):
            announced(room, source, round_)
        assert AuditEntry.objects.filter(action="queueing.announce_beacon").count() == 0

    def test_another_source_says_itself_when(self, room):
        with pytest.raises(BeaconInvalid):
            announced(room, published_at=None)

    def test_belongs_to_a_room(self, room):
        with pytest.raises(PerformanceNotFound):
            draws.announce_beacon(
                performance_id=uuid7(),
                source="a lottery",
                round_="1",
                published_at=room.now + timedelta(minutes=1),
                actor_id=None,
                reason=REASON,
                now=room.now,
            )


class TestTheValue:
    def test_is_entered_once_it_exists(self, room):
        with pytest.raises(BeaconInvalid):
            entered(room)  # nothing was announced
        announced(room)
        with pytest.raises(BeaconInvalid):
            entered(room.later(1799))
        entered(room.later(1))
        assert shown(room)["beacon"]["value"] == VALUE

    def test_may_be_corrected_until_the_draw_begins(self, room):
        announced(room)
        room.later(1800)
        entered(room, "mistyped-value")
        entered(room)
        changes = AuditEntry.objects.filter(action="queueing.enter_beacon").order_by("id")
        assert [entry.changes["beacon_value"]["to"] for entry in changes] == [
            "mistyped-value",
            VALUE,
        ]

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "short",
            "x" * 257,
            "with a space in it",
            "tab\tinside",
            "줄바꿈없는값입니다",
            "nul\0" * 4,
            VALUE + "\n",
        ],
    )
    def test_is_refused_where_people_could_copy_it_in_two_ways(self, room, value):
        announced(room)
        with pytest.raises(BeaconInvalid):
            entered(room.later(1800), value)

    @pytest.mark.parametrize("value", [VALUE.upper(), VALUE[:-1], VALUE + "0", "g" * 64])
    def test_of_drand_is_64_small_hex_digits(self, room, value):
        at = room.now + timedelta(minutes=10)
        announced(room, policy.DRAND, str(drand_round(at)), published_at=None)
        with pytest.raises(BeaconInvalid):
            entered(room.later(1800), value)

    @given(value=text(max_size=300))
    def test_of_any_text_is_refused_or_taken_as_it_is(self, value):
        try:
            assert beacons.checked_value("a lottery", value) == value
        except BeaconInvalid:
            return
        assert value.isascii()
        assert value.isprintable()
        assert " " not in value

    def test_is_nothing_that_the_database_takes_without_an_announcement(self, room):
        with pytest.raises(IntegrityError):
            DrawCommitment.objects.update(beacon_value=VALUE)

    def test_never_belongs_to_a_beacon_from_before_the_commitment(self, room):
        with pytest.raises(IntegrityError):
            DrawCommitment.objects.update(beacon_published_at=room.now - timedelta(days=1))


@contextmanager
def drand(reply: bytes, status: int = 200):
    """Serve an API of drand with one reply to everything; yields its URL and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *args: object) -> None:
            pass

    with served(Handler) as url:
        yield f"{url}/public/", asked


@contextmanager
def dribbling(reply: bytes, *, begin: int):
    """Serve a reply whose bytes from the `begin`-th on come one by one; yields the URL."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(reply)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            whole = head + reply
            self.wfile.write(whole[:begin])
            for byte in whole[begin:]:
                threading.Event().wait(3 / len(whole))
                self.wfile.write(bytes([byte]))

        def log_message(self, *args: object) -> None:
            pass

    with served(Handler) as url:
        yield f"{url}/public/"


@contextmanager
def hanging(reply: bytes):
    """Serve a reply that waits; yields the URL, and the events of being asked and of going on."""
    asked, go_on = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            go_on.wait(120)
            self.send_response(200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *args: object) -> None:
            pass

    with served(Handler) as url:
        try:
            yield f"{url}/public/", asked, go_on
        finally:
            go_on.set()


def in_a_thread(work):
    """Return what `work` returns, and give this thread's connection back."""
    try:
        return work()
    finally:
        connections.close_all()


def reply_of(round_: int, signature: bytes = b"a signature", **changes: object) -> bytes:
    said = {
        "round": round_,
        "randomness": sha256(signature).hexdigest(),
        "signature": signature.hex(),
    }
    return json.dumps(said | changes).encode()


@pytest.fixture
def drand_room(room) -> tuple[Room, int]:
    round_ = drand_round(room.now + timedelta(minutes=10))
    announced(room, policy.DRAND, str(round_), published_at=None)
    return room, round_


@pytest.fixture
def fetching_from(settings):
    def point_at(url: str) -> None:
        settings.DRAND_URL = url
        beacons.drand.cache_clear()

    yield point_at
    beacons.drand.cache_clear()


class TestDrand:
    def test_is_fetched_once_its_round_is_out(self, drand_room, fetching_from):
        room, round_ = drand_room
        with drand(reply_of(round_)) as (url, asked):
            fetching_from(url)
            assert draws.look_after(now=room.now).beacons == 0
            assert draws.look_after(now=room.later(605).now).beacons == 1
            assert draws.look_after(now=room.now).beacons == 0
        assert asked == [f"/public/{round_}"]
        assert DrawCommitment.objects.get().beacon_value == sha256(b"a signature").hexdigest()
        [entry] = AuditEntry.objects.filter(action="queueing.enter_beacon")
        assert (entry.actor_id, entry.reason) == (None, "fetched")

    @pytest.mark.parametrize(
        "wrong",
        [
            b"",
            b"no json",
            b"[1]",
            b'{"round": 1}',
            b"x" * 20_000,
            b"[" * 16_000,
            b'{"a":' * 3_000,
            "another round",
            "another value",
            "no signature",
            "numbers",
            "not hex",
        ],
        ids=lambda wrong: str(wrong[:16]),
    )
    def test_that_says_nonsense_is_not_believed(self, drand_room, fetching_from, wrong):
        room, round_ = drand_room
        reply = {
            "another round": reply_of(round_ + 1),
            "another value": reply_of(round_, randomness="0" * 64),
            "no signature": reply_of(round_, signature=b"", randomness=VALUE),
            "numbers": reply_of(round_, randomness=7),
            "not hex": reply_of(round_).replace(b'"signature": "', b'"signature": "zz'),
        }.get(wrong, wrong)
        with drand(reply) as (url, _):
            fetching_from(url)
            assert draws.look_after(now=room.later(605).now).beacons == 0
        assert DrawCommitment.objects.get().beacon_value == ""

    def test_that_is_away_delays_nothing_and_staff_enter_the_value(self, drand_room, fetching_from):
        room, _ = drand_room
        fetching_from("http://127.0.0.1:9/public/")
        assert draws.look_after(now=room.later(605).now).beacons == 0
        entered(room)
        assert shown(room)["beacon"]["value"] == VALUE

    def test_whose_value_was_fetched_cannot_be_replaced(self, drand_room, fetching_from):
        room, round_ = drand_room
        room.later(605)
        entered(room)  # by hand, and wrong; nothing is fetched any more
        assert list(draw_check.notes(queries.draw_facts_kept(room.performance.pk)))
        DrawCommitment.objects.update(beacon_value="", beacon_entered_at=None)
        with drand(reply_of(round_)) as (url, _):
            fetching_from(url)
            assert draws.look_after(now=room.now).beacons == 1
        fetched = DrawCommitment.objects.get().beacon_value
        with pytest.raises(BeaconInvalid) as refusal:
            entered(room)
        assert refusal.value.extras["problem"] == "fetched"
        entered(room, fetched)
        assert DrawCommitment.objects.get().beacon_value == fetched
        assert not list(draw_check.notes(queries.draw_facts_kept(room.performance.pk)))

    @pytest.mark.parametrize("begin", [0, 40], ids=["headers", "body"])
    @pytest.mark.parametrize(
        ("seconds", "fetched"),
        [(0.5, 0), pytest.param(60.0, 1, marks=pytest.mark.control)],
    )
    def test_that_dribbles_is_given_up(
        self, drand_room, fetching_from, settings, seconds, fetched, begin
    ):
        """Each read is in time; all of it takes three seconds (the control waits for it)."""
        room, round_ = drand_room
        settings.DRAND_SECONDS = seconds
        with dribbling(reply_of(round_), begin=begin) as url:
            fetching_from(url)
            assert draws.look_after(now=room.later(605).now).beacons == fetched

    def test_that_hangs_holds_up_one_task_of_all(self, drand_room, fetching_from, settings):
        room, round_ = drand_room
        settings.DRAND_SECONDS = 60.0
        now = room.later(605).now
        with hanging(reply_of(round_)) as (url, asked, go_on), ThreadPoolExecutor(1) as elsewhere:
            fetching_from(url)
            first = elsewhere.submit(in_a_thread, lambda: draws.look_after(now=now))
            assert asked.wait(60)
            assert draws.look_after(now=now).beacons == 0  # at once: it would wait for ever
            go_on.set()
            assert first.result().beacons == 1

    def test_that_hangs_is_given_up_and_asked_again(self, drand_room, fetching_from, settings):
        room, round_ = drand_room
        settings.DRAND_SECONDS = 0.5
        with hanging(reply_of(round_)) as (url, asked, go_on):
            fetching_from(url)
            assert draws.look_after(now=room.later(605).now).beacons == 0
            assert asked.is_set()
            go_on.set()
            assert draws.look_after(now=room.now).beacons == 1

    def test_comes_after_the_rosters(self, drand_room, monkeypatch):
        done = []
        monkeypatch.setattr(queries, "draws_without_roster", lambda **_: done.append("r") or [])
        monkeypatch.setattr(queries, "beacons_to_fetch", lambda **_: done.append("b") or [])
        draws.look_after(now=drand_room[0].now)
        assert done == ["r", "b"]

    def test_is_left_alone_once_the_draw_has_begun(self, drand_room, fetching_from):
        room, round_ = drand_room
        drawn(room)
        with drand(reply_of(round_)) as (url, asked):
            fetching_from(url)
            tasks.look_after_draws.run()
        assert asked == []


class TestStaff:
    @pytest.fixture
    def staff(self):
        return browser_of(User.objects.create_superuser("root@example.com", "x"))

    def act(self, browser, room: Room, action: str, **fields: str):
        data = {
            "action": action,
            "_selected_action": [str(room.performance.pk)],
            "confirmed": "yes",
            "reason": REASON,
            **fields,
        }
        return browser.post(reverse(PAGE), data, follow=True)

    def test_announce_and_enter_on_a_page_and_the_audit_has_it(self, staff, room):
        at = (room.now + timedelta(minutes=30)).isoformat()
        self.act(staff, room, "announce_beacon", source="a lottery", round_="7", published_at=at)
        found = DrawCommitment.objects.get()
        assert (found.beacon_source, found.beacon_round) == ("a lottery", "7")
        [entry] = AuditEntry.objects.filter(action="queueing.announce_beacon")
        assert entry.reason == REASON
        assert entry.actor_id is not None
        assert entry.changes["beacon"] == {"from": "", "to": "a lottery 7"}

    def test_learn_on_the_page_what_is_wrong(self, staff, room):
        page = self.act(staff, room, "enter_beacon", value=VALUE)
        assert b"The beacon is not valid. (problem: not published)" in page.content
        page = self.act(staff, room, "announce_beacon", source="x", round_="7", published_at="soon")
        assert page.status_code == 200
        assert DrawCommitment.objects.get().beacon_source == ""

    def test_never_see_the_seed_before_the_draw_is_over(self, staff, room):
        seed = DrawCommitment.objects.get().draw_seed
        place = reverse("admin:queueing_drawcommitment_change", args=[room.performance.pk])
        for url in (reverse(PAGE), place, f"{reverse(PAGE)}?draw_seed__startswith={seed[0]}"):
            assert seed.encode() not in staff.get(url, follow=True).content

    def test_without_the_right_cannot_choose_a_beacon(self, room):
        fan = make_user()
        at = (room.now + timedelta(minutes=30)).isoformat()
        self.act(browser_of(fan), room, "announce_beacon", source="x", round_="7", published_at=at)
        assert DrawCommitment.objects.get().beacon_source == ""
