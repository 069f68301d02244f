"""A rolling upgrade to tokens under a MAC: fans keep their places, printed codes go on working."""

from datetime import timedelta

import jwt
import pytest

from kernel.ids import uuid7
from kernel.signing import jwks, keyring
from kernel.signing.jwt import JwtInvalid, verify_jwt
from kernel.signing.mac import writing_key
from queueing import policy, tokens
from queueing.errors import InvitationInvalid, QueueTokenInvalid
from queueing.replies import PlaceState
from queueing.tokens import Audience
from tests.support.signing import NOW, ring_in, rotate, take_mac_keys, upgrade
from tests.support.waiting_rooms import Room, wipe_queue_server


@pytest.fixture
def path(tmp_path, settings):
    """A ring that the release before has made."""
    with ring_in(tmp_path / "keys.json", settings) as path:
        take_mac_keys(path)
        yield path


@pytest.fixture
def room(path, db_ready):
    return Room.open(capacity=1)


def has_mac(token: str) -> bool:
    return token.startswith(f"{writing_key('place').kid}.")


def as_the_release_before_reads(token: str, audience: Audience, room: Room) -> dict:
    return verify_jwt("queue", token, audience=audience.value, now=room.now)


def test_before_the_upgrade_processes_of_both_releases_read_each_others_tokens(room):
    user, place = room.join()
    issued, expires = int(room.now.timestamp()), int(room.now.timestamp()) + policy.TOKEN_SECONDS
    whose = {"iss": "frontrow", "sub": str(user), "performance": str(room.performance.pk)}
    claims = as_the_release_before_reads(place.token, Audience.TOKEN, room)
    assert claims.items() >= (whose | {"number": place.number, "iat": issued}).items()
    place_members = {"number", "epoch", "joined_ms", "until_ms"}
    assert set(claims) == {*whose, *place_members, "aud", "iat", "exp"}
    assert claims["exp"] in (expires, expires + 1)
    admitted = as_the_release_before_reads(place.admission_pass, Audience.PASS, room)
    assert set(admitted) == set(claims)


def test_a_fan_keeps_the_place_through_the_upgrade(room, path, queue_redis):
    room.join()
    [waiting] = room.join_many(1)
    before = room.poll(waiting)
    upgrade(path)
    assert room.poll(waiting).number == before.number
    assert room.join(waiting)[1].number == before.number
    room.tokens[waiting] = before.token
    wipe_queue_server(queue_redis)
    after = room.poll(waiting)
    assert (after.number, after.state) == (before.number, PlaceState.WAITING)
    assert has_mac(after.token)


def test_a_pass_of_before_the_upgrade_goes_on_admitting(room, path):
    user, place = room.join()
    upgrade(path)
    proof = tokens.verify(
        place.admission_pass, user_id=user, performance_id=room.performance.pk, now=room.now
    )
    assert (proof.audience, proof.number) == (Audience.PASS, place.number)
    assert has_mac(room.poll(user).admission_pass)


def test_after_the_upgrade_new_places_have_tokens_that_the_release_before_refuses(room, path):
    upgrade(path)
    _, place = room.join()
    for token in (place.token, place.admission_pass):
        assert has_mac(token)
        for audience in Audience:
            with pytest.raises(JwtInvalid):
                as_the_release_before_reads(token, audience, room)


def test_a_token_of_before_counts_as_long_as_its_key_is_in_the_ring(room, path):
    user, place = room.join()
    whose = {"user_id": user, "performance_id": room.performance.pk, "now": room.now}
    upgrade(path)
    rotate(path, "queue")
    assert tokens.verify(place.token, **whose).number == place.number
    rotate(path, "queue")
    with pytest.raises(QueueTokenInvalid):
        tokens.verify(place.token, **whose)


def test_a_token_under_a_mac_counts_as_long_as_its_key_is_in_the_ring(room, path):
    upgrade(path)
    user, place = room.join()
    whose = {"user_id": user, "performance_id": room.performance.pk, "now": room.now}
    rotate(path, "place")
    assert tokens.verify(place.token, **whose).number == place.number
    renewed = room.poll(user).admission_pass
    assert has_mac(renewed)
    rotate(path, "place")
    with pytest.raises(QueueTokenInvalid):
        tokens.verify(place.token, **whose)
    assert tokens.verify(renewed, **whose).number == place.number


def test_an_invitation_is_the_same_code_before_and_after_and_goes_on_working(path):
    one = {
        "invitation_id": uuid7(),
        "performance_id": uuid7(),
        "expires_at": NOW + timedelta(days=300),
    }
    code = tokens.sign_invitation(**one)
    for change in (lambda: upgrade(path), lambda: rotate(path, "place")):
        change()
        assert tokens.sign_invitation(**one) == code
    rotate(path, "queue")
    read = {"performance_id": one["performance_id"], "now": NOW}
    assert tokens.sign_invitation(**one) != code
    assert tokens.read_invitation(code, **read) == one["invitation_id"]
    rotate(path, "queue")
    with pytest.raises(InvitationInvalid):
        tokens.read_invitation(code, **read)


def test_no_key_of_queue_tokens_is_published(path):
    upgrade(path)
    published = jwt.PyJWKSet.from_dict(jwks.public_jwks())
    ours = {keyring.ring().signing["queue"].kid, writing_key("place").kid}
    assert ours.isdisjoint(key.key_id for key in published.keys)
