"""The draw that anybody can check: what is public when, and that every change of it is found."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from io import StringIO

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import CommandError, call_command

from kernel.ids import uuid7
from kernel.redis.clients import client
from queueing import draw, policy, queries
from queueing.fan_requests import JoinRequest
from queueing.models import DrawCommitment, DrawRoster, QueueProgress
from queueing.places import QueuePlace
from queueing.usecases import draws, waiting_room
from tests.support.factories import make_concert, make_performance
from tests.support.verifiers import verifier
from tests.support.waiting_rooms import Room, whole_second
from tests.unit.test_draw_numbers import CHI_SQUARED, chi_squared


def presale(**config) -> Room:
    """Return a room whose draw is committed to, as the tick does it; it opens in ten minutes."""
    now = whole_second()
    room = Room.open(now=now, admission_opens_at=now + timedelta(minutes=10), **config)
    waiting_room.advance(now=now)
    return room


def opened(fans: int = 12) -> Room:
    """Return a room with its draw over, and its roster published."""
    room = presale(capacity=3)
    users = room.join_many(fans)
    waiting_room.advance(now=room.later(601).now)
    assert room.admitted(users)
    waiting_room.advance(now=room.later(1).now)
    draws.look_after(now=room.later(120).now)
    return room


def url_of(room: Room) -> str:
    return f"/api/v1/performances/{room.performance.pk}/draw/"


def shown(api, room: Room) -> dict:
    queries.draw_cache.clear()
    answer = api.get(url_of(room))
    assert answer.status_code == 200, answer.content
    return answer.json()


def roster_of(api, room: Room) -> list[str]:
    lines, first = [], 1
    while first:
        page = api.get(f"{url_of(room)}roster/", {"first": first}).json()
        assert page["first"] == first
        lines += page["lines"]
        first = page["next_first"]
    return lines


def command(verb: str, room: Room, *options: object) -> dict:
    out = StringIO()
    arguments = [str(option) for option in options]
    call_command("draw", verb, str(room.performance.pk), *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_the_commitment_is_public_before_anybody_has_joined(api):
    room = presale()
    document = shown(api, room)
    assert list(document) == [
        "performance_id",
        "commitment",
        "committed_at",
        "beacon",
        "algorithm",
        "start",
        "numbers",
        "entrants",
        "losses",
        "seed",
        "roster_sha256",
        "jws",
    ]
    seed = DrawCommitment.objects.get().draw_seed
    assert document["commitment"] == sha256(seed.encode()).hexdigest()
    assert (document["seed"], document["entrants"], document["beacon"]) == (None, 0, None)
    assert document["algorithm"] == draw.ALGORITHM


def test_a_room_that_staff_make_is_committed_from_its_first_moment(api):
    room = Room(make_performance(seats=1, on_sale=False), whole_second())
    room.set_config(queue_opens_at=room.now + timedelta(days=1))
    assert shown(api, room)["commitment"]


def test_the_draw_keeps_the_seed_that_was_committed_to(api):
    room = opened()
    before = DrawCommitment.objects.get()
    document = shown(api, room)
    assert document["seed"] == before.draw_seed
    assert sha256(document["seed"].encode()).hexdigest() == document["commitment"]
    assert QueueProgress.objects.get().draw_seed == before.draw_seed


def test_the_seed_is_secret_until_the_first_of_the_drawn_is_admitted(api):
    room = presale(capacity=3)
    users = room.join_many(5)
    waiting_room.advance(now=room.later(1).now)  # the draw began: it is due at once
    document = shown(api, room)
    assert (document["seed"], document["entrants"]) == (None, 5)
    assert DrawCommitment.objects.get().draw_seed not in json.dumps(document)
    waiting_room.advance(now=room.later(600).now)
    room.admitted(users)
    waiting_room.advance(now=room.later(1).now)
    assert shown(api, room)["seed"]


def test_a_room_without_a_draw_shows_its_seed_once_somebody_is_in_and_draws_no_more(api):
    room = Room.open(capacity=1)
    waiting_room.advance(now=room.now)
    inside = room.join()[1].number
    waiting_room.advance(now=room.later(policy.IDLE_TICK_SECONDS).now)
    document = shown(api, room)
    assert (bool(document["seed"]), document["entrants"]) == (True, 0)
    room.set_config(state="PRESALE", admission_opens_at=room.now + timedelta(minutes=10))
    assert room.join()[1].number == inside + 1
    assert QueueProgress.objects.get().draw_seed == ""


def test_the_document_is_signed_by_the_site(api):
    document = shown(api, presale())
    header, payload, signature = document.pop("jws").split(".")
    kid = json.loads(urlsafe_b64decode(header + "=="))["kid"]
    [key] = [k for k in api.get("/.well-known/jwks.json").json()["keys"] if k["kid"] == kid]
    public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key["x"] + "="))
    public.verify(urlsafe_b64decode(signature + "=="), f"{header}.{payload}".encode())
    assert key["frontrow_use"] == "proof"
    assert json.loads(urlsafe_b64decode(payload + "==")) == document


def test_every_fan_finds_the_own_number_with_the_verifier_of_the_documents(api):
    room = opened()
    document, roster = shown(api, room), roster_of(api, room)
    verify = verifier("draw").verify
    noted = document["commitment"]
    found = {verify(document, roster, token, noted) for token in room.tokens.values()}
    assert found == {(nth, 0) for nth in range(1, 13)}
    assert len(roster) == document["entrants"] == 12


@pytest.mark.control
@pytest.mark.parametrize(
    "change",
    ["seed", "commitment", "roster", "a line", "number", "another fan", "entrants", "start"],
)
def test_what_anybody_changed_is_found(api, change):
    room = opened()
    document, roster = shown(api, room), roster_of(api, room)
    noted = document["commitment"]
    token = next(iter(room.tokens.values()))
    kid, letter, user, number, *rest = token.split(".")
    if change == "seed":
        document["seed"] = "0" * 32
    elif change == "commitment":
        document["commitment"] = sha256(b"another").hexdigest()
    elif change == "roster":
        roster[0], roster[1] = roster[1], roster[0]
    elif change == "a line":
        roster.append(roster[0])
        document["entrants"] += 1
        document["roster_sha256"] = sha256(bytes.fromhex("".join(roster))).hexdigest()
    elif change == "number":
        token = ".".join([kid, letter, user, str(int(number) + 1), *rest])
    elif change == "another fan":
        token = ".".join([kid, letter, uuid7().hex, number, *rest])
    else:
        document[change] += 1
    with pytest.raises(ValueError, match="not"):
        verifier("draw").verify(document, roster, token, noted)


def padded(api, room: Room) -> tuple[dict, list[str], str]:
    """Return document, roster and token where the last fan has the best of 10,000 more turns.

    What who runs the site could publish: as many turns as suit, all of them nobody's but one.
    """
    document, roster = shown(api, room), roster_of(api, room)
    kid, letter, user, _, *rest = list(room.tokens.values())[-1].split(".")
    compute = verifier("draw").number_of
    best = min(range(20_101, 30_101), key=lambda nth: compute(document, nth))
    number = compute(document, best)
    roster = roster[:-1] + [draw.NOBODY.hex()] * (best - 12)
    roster.append(draw.roster_line(room.performance.pk, str(_uuid(user)), number).hex())
    document["entrants"] = len(roster)
    document["roster_sha256"] = sha256(bytes.fromhex("".join(roster))).hexdigest()
    return document, roster, ".".join([kid, letter, user, str(number), *rest])


@pytest.mark.control
@pytest.mark.parametrize("losses", [0, 1])
def test_turns_of_nobody_that_move_a_friend_to_the_front_are_found(api, losses):
    document, roster, token = padded(api, opened())
    document["losses"] = losses
    verify = verifier("draw")
    with pytest.raises(ValueError, match="nobody"):
        verify.verify(document, roster, token, document["commitment"])
    verify.nobodys = lambda *_: 0  # what the other checks would say
    assert verify.verify(document, roster, token, document["commitment"]) == (len(roster), 0)


@pytest.mark.control
def test_the_command_finds_turns_of_nobody_too(api):
    room = opened()
    _, roster, _ = padded(api, room)
    lines = bytes.fromhex("".join(roster))
    DrawRoster.objects.update(lines=lines, lines_sha256=sha256(lines).hexdigest())
    QueueProgress.objects.update(drawn=len(roster))
    found = problems_of(room)
    assert "turns are nobody's without a loss" in found
    assert "the roster has nobody at 12" in found


@pytest.mark.control
def test_seed_and_commitment_that_were_changed_together_are_found(api):
    """The numbers are computed by another seed: all fits, but for what was noted."""
    room = opened()
    document, noted = shown(api, room), shown(api, room)["commitment"]
    document["seed"] = "0" * 32
    document["commitment"] = draw.commitment_of(document["seed"])
    kid, letter, user, _, *rest = next(iter(room.tokens.values())).split(".")
    number = verifier("draw").number_of(document, 1)
    roster = [draw.roster_line(room.performance.pk, str(_uuid(user)), number).hex()]
    document["entrants"] = 1
    document["roster_sha256"] = sha256(bytes.fromhex(roster[0])).hexdigest()
    token = ".".join([kid, letter, user, str(number), *rest])
    verify = verifier("draw").verify
    with pytest.raises(ValueError, match="noted"):
        verify(document, roster, token, noted)
    assert verify(document, roster, token, document["commitment"]) == (1, 0)


@pytest.mark.control
def test_a_number_outside_the_draw_is_found_even_with_a_roster_that_has_it(api):
    """A turn gives one number: a friend jumps the line only with a turn that fits."""
    room = opened()
    document, roster = shown(api, room), roster_of(api, room)
    token = next(iter(room.tokens.values()))
    kid, letter, user, number, *rest = token.split(".")
    wanted = document["start"] + 1 if int(number) != document["start"] + 1 else int(number) + 1
    noted = document["commitment"]
    nth, _ = verifier("draw").verify(document, roster, token, noted)
    line = draw.roster_line(room.performance.pk, str(_uuid(user)), wanted)
    roster[nth - 1] = line.hex()
    document["roster_sha256"] = sha256(bytes.fromhex("".join(roster))).hexdigest()
    with pytest.raises(ValueError, match="not the number"):
        token = ".".join([kid, letter, user, str(wanted), *rest])
        verifier("draw").verify(document, roster, token, noted)


def _uuid(text: str):
    return type(uuid7())(text)


def test_the_command_finds_nothing_wrong_with_a_draw(api):
    room = opened()
    number = room.poll(next(iter(room.tokens))).number
    facts = command(
        "verify", room, "--number", number, "--commitment", shown(api, room)["commitment"]
    )
    assert facts["problems"] == []
    assert facts["drawn"] == [{"joined": 1, "number": number}]


def corrupt_seed(room: Room) -> None:
    DrawCommitment.objects.update(draw_seed="0" * 32)


def corrupt_key(room: Room) -> None:
    QueueProgress.objects.update(draw_seed="0" * 32)


def corrupt_commitment(room: Room) -> None:
    seed = "0" * 32
    DrawCommitment.objects.update(draw_seed=seed, commitment=draw.commitment_of(seed))
    QueueProgress.objects.update(draw_seed=seed)


def corrupt_roster(room: Room) -> None:
    roster = DrawRoster.objects.get()
    lines = bytes(roster.lines)
    roster.lines = lines[16:32] + lines[:16] + lines[32:]
    roster.save()


def corrupt_roster_and_digest(room: Room) -> None:
    corrupt_roster(room)
    lines = bytes(DrawRoster.objects.get().lines)
    DrawRoster.objects.update(lines_sha256=sha256(lines).hexdigest())


def corrupt_nobody(room: Room) -> None:
    lines = draw.NOBODY + bytes(DrawRoster.objects.get().lines)[16:]
    DrawRoster.objects.update(lines=lines, lines_sha256=sha256(lines).hexdigest())


def corrupt_number(room: Room) -> None:
    key = f"fr:q:{{{room.performance.pk}}}:people"
    user, place = next(iter(client("queue").hgetall(key).items()))
    rest = place.decode().split(" ", 1)[1]
    held = {int(one.split(b" ")[0]) for one in client("queue").hvals(key)}
    free = next(n for n in range(1, 100) if n + _start() not in held)
    client("queue").hset(key, user, f"{free + _start()} {rest}")


def _start() -> int:
    return QueueProgress.objects.get().draw_start


def corrupt_twice(room: Room) -> None:
    key = f"fr:q:{{{room.performance.pk}}}:people"
    one, other = list(client("queue").hgetall(key).items())[:2]
    client("queue").hset(key, one[0], other[1])


@pytest.mark.control
@pytest.mark.parametrize(
    "corrupt",
    [
        corrupt_seed,
        corrupt_key,
        corrupt_commitment,
        corrupt_roster,
        corrupt_roster_and_digest,
        corrupt_nobody,
        corrupt_number,
        corrupt_twice,
    ],
)
def test_the_command_finds_a_changed_seed_roster_or_number(api, corrupt):
    room = opened()
    noted = shown(api, room)["commitment"]
    assert command("verify", room, "--commitment", noted)["problems"] == []
    corrupt(room)
    assert "PROBLEM" in problems_of(room, "--commitment", noted)


def problems_of(room: Room, *options: str) -> str:
    """Return what the command prints of a draw that is not as it was promised."""
    out = StringIO()
    with pytest.raises(CommandError, match="promised") as refusal:
        call_command("draw", "verify", str(room.performance.pk), *options, stdout=out)
    assert refusal.value.returncode == 1
    return out.getvalue()


def test_a_number_that_nobody_drew_is_refused_by_the_command(api):
    room = opened()
    beyond = draw.number_of(13, key=shown(api, room)["seed"], start=_start())
    with pytest.raises(CommandError, match="nobody was given"):
        command("verify", room, "--number", beyond)


def test_before_the_draw_is_over_the_command_has_nothing_to_verify():
    room = presale()
    room.join()
    with pytest.raises(CommandError, match="isn't over") as refusal:
        command("verify", room)
    assert refusal.value.returncode == 2


def joined_in_batches(room: Room, fans: int) -> Iterator[QueuePlace]:
    for begin in range(0, fans, policy.BATCH_FANS):
        requests = [JoinRequest(uuid7()) for _ in range(min(policy.BATCH_FANS, fans - begin))]
        outcomes = waiting_room.join_many(
            performance_id=room.performance.pk, requests=requests, now=room.now
        )
        for request, place in zip(requests, outcomes, strict=True):
            assert isinstance(place, QueuePlace), place
            room.tokens[request.user_id] = place.token
            yield place


def test_ten_thousand_early_joiners_are_drawn_as_anybody_computes_it(api, monkeypatch):
    monkeypatch.setattr(policy, "ROSTER_PAGE", 4_000)
    now = whole_second()
    room = Room.open(
        now=now,
        admission_opens_at=now + timedelta(minutes=10),
        joins_per_minute_per_address=0,
        capacity=1,
    )
    seed = sha256(b"a fixed seed").hexdigest()[:32]
    DrawCommitment.objects.create(
        performance=room.performance,
        draw_seed=seed,
        commitment=draw.commitment_of(seed),
        committed_at=now,
    )
    numbers = [place.number for place in joined_in_batches(room, 10_000)]
    waiting_room.advance(now=room.later(601).now)
    waiting_room.advance(now=room.later(1).now)
    assert draws.look_after(now=room.later(120).now).rosters == 1
    document, roster = shown(api, room), roster_of(api, room)
    assert document["entrants"] == len(roster) == 10_000
    compute = verifier("draw").number_of
    assert numbers == [compute(document, nth) for nth in range(1, 10_001)]
    assert chi_squared([number - document["start"] for number in numbers]) < CHI_SQUARED
    for nth, token in list(enumerate(room.tokens.values(), 1))[::1999]:
        found = verifier("draw").verify(document, roster, token, document["commitment"])
        assert found == (nth, 0)


def test_a_roster_has_nobody_where_a_turn_was_skipped_or_given_up(api, queue_redis):
    room = presale(capacity=3)
    users = room.join_many(4)
    queue_redis.flushall()
    stayed = users[:3]
    for user in stayed:
        room.poll(user)
    place = room.join()[1]
    waiting_room.advance(now=room.later(601 + policy.REBUILD_SECONDS).now)
    assert room.admitted(stayed)
    waiting_room.advance(now=room.later(policy.REBUILD_SECONDS + 1).now)
    waiting_room.advance(now=room.later(1).now)
    draws.look_after(now=room.later(120).now)
    document = shown(api, room)
    lines = queries.roster_lines(room.performance.pk, first=1, count=policy.DRAW_NUMBERS)
    held = [nth for nth, line in enumerate(lines, 1) if line != draw.NOBODY]
    assert held == [1, 2, 3, policy.NUMBER_BLOCK + 1]
    assert document["entrants"] == policy.NUMBER_BLOCK + 1
    assert place.number == verifier("draw").number_of(document, policy.NUMBER_BLOCK + 1)
    found = command("verify", room)
    assert (found["problems"], found["losses"]) == ([], 1)
    assert found["turns_of_nobody"] == policy.NUMBER_BLOCK - 3
    roster = [line.hex() for line in lines]
    verified = verifier("draw").verify(
        document, roster, room.tokens[users[0]], document["commitment"]
    )
    assert verified == (1, policy.NUMBER_BLOCK - 3)


def test_a_roster_is_made_once_and_not_before_the_busy_minutes(api):
    room = presale(capacity=3)
    users = room.join_many(4)
    waiting_room.advance(now=room.later(601).now)
    room.admitted(users)
    waiting_room.advance(now=room.later(1).now)
    assert draws.look_after(now=room.now).rosters == 0
    assert api.get(f"{url_of(room)}roster/").json()["code"] == "draw_not_over"
    assert draws.look_after(now=room.later(120).now).rosters == 1
    first = bytes(DrawRoster.objects.get().lines)
    assert draws.look_after(now=room.later(120).now).rosters == 0
    assert bytes(DrawRoster.objects.get().lines) == first


def test_while_the_queue_server_is_away_the_document_stays_and_the_roster_waits(api, parts):
    room = presale(capacity=3)
    users = room.join_many(4)
    waiting_room.advance(now=room.later(601).now)
    room.admitted(users)
    waiting_room.advance(now=room.later(1).now)
    parts.part("queue").stop()
    try:
        assert draws.look_after(now=room.later(120).now).rosters == 0
        assert shown(api, room)["entrants"] == 4
        with pytest.raises(CommandError, match="unavailable") as refusal:
            command("verify", room)
        assert refusal.value.returncode == 2
    finally:
        parts.part("queue").start()


def test_a_roster_page_stays_as_it_is_and_is_sent_once(api):
    room = opened()
    queries.draw_cache.clear()
    page = api.get(f"{url_of(room)}roster/")
    again = api.get(f"{url_of(room)}roster/", headers={"If-None-Match": page["ETag"]})
    assert (page.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again["ETag"] == page["ETag"]
    beyond = api.get(f"{url_of(room)}roster/", {"first": policy.ROSTER_PAGE + 1})
    assert beyond["ETag"] != page["ETag"]
    assert beyond.json() == {"first": 1001, "lines": [], "next_first": None}


@pytest.mark.parametrize("first", ["0", "-1", "1e9", "x", "", "1048577", "1\0", "2", "1000"])
def test_a_roster_page_of_nonsense_is_refused(api, first):
    room = presale()
    answer = api.get(f"{url_of(room)}roster/", {"first": first})
    assert answer.status_code == 400, answer.content


def test_what_is_not_public_has_no_draw(api):
    concert = make_concert(published=False)
    hidden = Room.open(performance=make_performance(seats=1, on_sale=False, concert=concert))
    for url in (url_of(hidden), f"{url_of(hidden)}roster/"):
        answer = api.get(url)
        assert (answer.status_code, answer.json()["code"]) == (404, "performance_not_found")


def test_without_a_waiting_room_there_is_no_draw(api):
    room = Room(make_performance(seats=1), whole_second())
    answer = api.get(url_of(room))
    assert (answer.status_code, answer.json()["code"]) == (409, "queue_not_required")


def test_the_document_is_the_same_for_everybody_and_may_be_cached(api):
    room = presale()
    answer = api.get(url_of(room))
    assert (answer.status_code, answer["Cache-Control"]) == (200, "public, max-age=1")
    again = api.get(url_of(room), headers={"Authorization": "Bearer nonsense"})
    assert (again.status_code, again.json()) == (200, answer.json())
