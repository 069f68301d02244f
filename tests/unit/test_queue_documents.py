"""The waiting room's documents say what the schema says."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from kernel.http.rendering import Renderer
from queueing.api.serializers import PlaceSerializer, PublicStatusSerializer
from queueing.places import QueuePlace
from queueing.replies import PlaceState
from queueing.usecases.waiting_room import PublicStatus

PLACE = QueuePlace(
    token="a.token",
    number=4211,
    state=PlaceState.ADMITTED,
    ahead=0,
    eta_seconds=0,
    poll_after_seconds=30,
    admitted_until=datetime(2026, 11, 21, 11, 10, tzinfo=UTC),
    admission_pass="a.pass",
    created=False,
)
STATUS = PublicStatus(
    state="PRESALE",
    serving=3400,
    waiting=9100,
    active=480,
    rate_per_second=50.0,
    as_of=datetime(2026, 11, 21, 10, 59, 59, 999_900, tzinfo=UTC),
    admission_opens_at=datetime(2026, 11, 21, 11, tzinfo=UTC),
)


def test_a_place_is_written_as_its_serializer_describes_it():
    assert PLACE.as_json() == PlaceSerializer(PLACE).data
    waiting = PLACE._replace(state=PlaceState.WAITING, admitted_until=None, admission_pass=None)
    assert waiting.as_json() == PlaceSerializer(waiting).data


@given(
    state=st.sampled_from(PlaceState),
    numbers=st.tuples(*[st.integers(0, 10**9)] * 4),
    until=st.none() | st.datetimes(datetime(2026, 1, 1), timezones=st.just(UTC)),
    admission_pass=st.none() | st.from_regex(r"[A-Za-z0-9._-]{1,80}", fullmatch=True),
)
def test_a_place_is_sent_as_the_renderer_writes_its_document(state, numbers, until, admission_pass):
    number, ahead, eta, poll_after = numbers
    place = PLACE._replace(
        state=state,
        number=number,
        ahead=ahead,
        eta_seconds=eta,
        poll_after_seconds=poll_after,
        admitted_until=until,
        admission_pass=admission_pass,
    )
    assert place.to_json() == Renderer().render(place.as_json())


def test_the_public_status_is_written_as_its_serializer_describes_it():
    for status in (STATUS, replace(STATUS, state="OPEN", admission_opens_at=None)):
        assert status.as_json() == PublicStatusSerializer(status).data
        assert list(status.as_json()) == list(PublicStatusSerializer(status).data)
