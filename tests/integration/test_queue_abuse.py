"""Checks against machines that join in bulk; and clocks that are wrong."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qs

import pytest

from kernel import clock
from kernel.ids import uuid7
from queueing import abuse, admission, places
from queueing.errors import ChallengeFailed, ChallengeRequired, QueueTokenExpired
from queueing.replies import PlaceState
from tests.support.round_trips import counted_round_trips
from tests.support.waiting_rooms import Room


def solved(challenge: dict) -> str:
    """Return an answer with exactly as many zero bits as asked for, and no more."""
    for nonce in count():
        digest = sha256(f"{challenge['challenge']}:{nonce}".encode()).digest()
        if int.from_bytes(digest, "big") >> (255 - challenge["bits"]) == 1:
            return str(nonce)
    raise AssertionError


class TestProofOfWork:
    @pytest.fixture
    def room(self, db_ready):
        # Few enough to find, too many to meet by chance.
        return Room.open(abuse_check="PROOF_OF_WORK", work_bits=18)

    def challenge(self, room, user) -> dict:
        with pytest.raises(ChallengeRequired) as refusal:
            room.join(user)
        return refusal.value.extras["challenge"]

    def test_a_new_place_takes_work(self, room):
        user = uuid7()
        challenge = self.challenge(room, user)
        assert (challenge["kind"], challenge["bits"]) == ("proof_of_work", 18)
        with counted_round_trips() as trips:
            _, place = room.join(user, challenge_response=solved(challenge))
        assert place.created
        assert trips.redis == ["FCALL frontrow_queue_v1_join_many"]
        assert not room.join(user)[1].created  # the same place takes none

    def test_work_is_one_persons_for_one_room_and_not_for_ever(self, room):
        user = uuid7()
        answer = solved(self.challenge(room, user))
        with pytest.raises(ChallengeFailed):
            room.join(uuid7(), challenge_response=answer)
        with pytest.raises(ChallengeFailed):
            Room.open(abuse_check="PROOF_OF_WORK", work_bits=26).join(
                user, challenge_response=answer
            )
        room.later(1300)
        with pytest.raises(ChallengeFailed):
            room.join(user, challenge_response=answer)

    @pytest.mark.parametrize("answer", ["", "x" * 2000, "-1", "é"])
    def test_nonsense_is_refused(self, room, answer):
        with pytest.raises((ChallengeFailed, ChallengeRequired)):
            room.join(uuid7(), challenge_response=answer)


class Verifier(BaseHTTPRequestHandler):
    """A service that speaks Turnstile's protocol: the token "good" is good."""

    behaviour = "judge"
    asked: list[dict]

    def do_POST(self) -> None:
        fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        type(self).asked.append(fields)
        if self.behaviour == "hang":
            self.server.released.wait(10)
            return
        body = b"no json"
        if self.behaviour == "judge":
            body = json.dumps({"success": fields["response"] == ["good"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args) -> None:
        pass


class TestTurnstile:
    @pytest.fixture
    def verifier(self, settings, db_ready) -> Iterator[type[Verifier]]:
        handler = type("Handler", (Verifier,), {"asked": []})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.released = threading.Event()
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        settings.CHALLENGE_SERVICE_URL = f"http://127.0.0.1:{server.server_port}/siteverify"
        settings.CHALLENGE_SERVICE_SECRET = "s3cret"
        settings.CHALLENGE_SERVICE_SITE_KEY = "public"
        settings.CHALLENGE_SERVICE_SECONDS = 0.3
        abuse.service.cache_clear()
        yield handler
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
        abuse.service.cache_clear()

    @pytest.fixture
    def room(self, verifier):
        return Room.open(abuse_check="TURNSTILE")

    def test_a_token_of_the_service_lets_in(self, room, verifier):
        with pytest.raises(ChallengeRequired) as refusal:
            room.join()
        assert refusal.value.extras["challenge"] == {"kind": "turnstile", "site_key": "public"}
        assert room.join(challenge_response="good", client_ip="10.0.0.9")[1].created
        assert verifier.asked == [
            {"secret": ["s3cret"], "response": ["good"], "remoteip": ["10.0.0.9"]}
        ]
        with pytest.raises(ChallengeFailed):
            room.join(challenge_response="bad")

    @pytest.mark.parametrize("behaviour", ["hang", "nonsense"])
    @pytest.mark.parametrize("fail_open", [True, False])
    def test_a_service_that_does_not_judge(self, room, verifier, settings, behaviour, fail_open):
        settings.CHALLENGE_SERVICE_FAIL_OPEN = fail_open
        verifier.behaviour = behaviour
        if fail_open:
            assert room.join(challenge_response="good")[1].created
        else:
            with pytest.raises(ChallengeFailed):
                room.join(challenge_response="good")


class TestClocks:
    def test_a_host_far_ahead_ends_nobodys_session(self, settings):
        settings.QUEUE_CLOCK_SKEW_MS = 2000
        room = Room.open(session_seconds=60)
        user, place = room.join()
        mine = room.now
        room.later(3600)
        room.join()  # by a host that is an hour ahead
        room.now = mine
        again = room.poll(user)
        assert (again.state, again.admitted_until) == (
            PlaceState.ADMITTED,
            place.admitted_until,
        )

    @pytest.mark.control
    def test_control_a_host_that_is_believed_ends_it(self):
        room = Room.open(session_seconds=60)
        user, _ = room.join()
        mine = room.now
        room.later(3600)
        room.join()
        room.now = mine
        assert room.poll(user).state is PlaceState.EXPIRED

    @pytest.mark.parametrize("behind", [0, 61, 3600])
    def test_a_server_that_is_behind_issues_no_dead_passes(self, settings, behind):
        settings.QUEUE_CLOCK_SKEW_MS = 2000
        room = Room.open(session_seconds=60)
        room.later(behind)  # for every host alike: it is the server that is behind
        user, place = room.join()
        assert place.state is PlaceState.ADMITTED
        session = (place.admitted_until - room.now).total_seconds()
        assert 60 <= session <= 61
        room.later(59)
        assert pass_counts(room, user, place)
        room.later(2)
        with pytest.raises(QueueTokenExpired):
            pass_counts(room, user, place)

    def test_a_server_that_is_ahead_changes_nothing(self, settings):
        settings.QUEUE_CLOCK_SKEW_MS = 2000
        room = Room.open(session_seconds=60)
        room.later(-600)
        user, place = room.join()
        assert place.admitted_until == room.now + timedelta(seconds=60)
        assert pass_counts(room, user, place)

    @pytest.mark.control
    def test_control_in_the_servers_time_a_pass_is_dead_when_issued(self, settings, monkeypatch):
        monkeypatch.setattr(
            places, "_admitted_until", lambda spot, now: clock.from_ms(spot.until_ms)
        )
        settings.QUEUE_CLOCK_SKEW_MS = 2000
        room = Room.open(session_seconds=60)
        room.later(3600)
        user, place = room.join()
        with pytest.raises(QueueTokenExpired):
            pass_counts(room, user, place)


def pass_counts(room, user, place) -> bool:
    """Say whether the pass admits to holds; raises its refusal."""
    admission.check(
        token=place.admission_pass,
        user_id=user,
        performance_id=room.performance.pk,
        now=room.now,
    )
    return True
