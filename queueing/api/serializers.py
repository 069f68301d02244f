"""Forms and documents of the waiting room's API.

The documents themselves are written by `QueuePlace.as_json` and `PublicStatus.as_json`; the
serializers describe them in the schema.
"""

from typing import Any

from rest_framework import serializers

from kernel.http.serializers import SpelledField, StrictSerializer, UtcDateTimeField
from kernel.text.spelling import canonical
from queueing.models import RoomState
from queueing.replies import PlaceState


class JoinSerializer(StrictSerializer):
    """What a join may bring; the body may be empty."""

    invitation_code = SpelledField(
        spelling=canonical,
        required=False,
        max_length=1024,
        help_text="Lets its holder in ahead of the line.",
    )
    challenge_response = serializers.CharField(
        required=False, max_length=2048, help_text="The answer to `challenge_required`."
    )


class PlaceSerializer(serializers.Serializer[Any]):
    """A fan's place in the waiting room."""

    token = serializers.CharField(help_text="The join token; send it as X-Queue-Token.")
    number = serializers.IntegerField(
        help_text="Given once, never changed; drawn by lot for those who join before the opening."
    )
    state = serializers.ChoiceField(choices=[state.value for state in PlaceState])
    position = serializers.IntegerField(help_text="ahead + 1; means something while WAITING.")
    ahead = serializers.IntegerField(
        help_text="Fans who are admitted before; before the opening all who wait count."
    )
    eta_seconds = serializers.IntegerField(help_text="By the rate of admission really seen.")
    poll_after_seconds = serializers.IntegerField(help_text="Ask again after this time.")
    admitted_until = UtcDateTimeField(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        """Add `pass`, a keyword of Python."""
        fields = super().get_fields()
        fields["pass"] = serializers.CharField(
            source="admission_pass",
            allow_null=True,
            help_text="With ADMITTED: good for holds until admitted_until, as X-Queue-Token.",
        )
        return fields


class PublicStatusSerializer(serializers.Serializer[Any]):
    """The waiting room as everybody may see it."""

    state = serializers.ChoiceField(choices=RoomState.values)
    serving = serializers.IntegerField(help_text="Numbers up to this one have been called.")
    waiting = serializers.IntegerField()
    active = serializers.IntegerField(help_text="Fans admitted now.")
    rate_per_second = serializers.FloatField()
    poll_after_seconds = serializers.IntegerField()
    as_of = UtcDateTimeField(help_text="When the facts were read; the server's time.")
    admission_opens_at = UtcDateTimeField(
        allow_null=True,
        help_text="When a PRESALE room begins to admit, by itself. Null in every other state: "
        "an OPEN room admits now, the others not by time.",
    )
    stream_url = serializers.CharField(
        allow_null=True,
        help_text="The live stream of this document, a path of this site; null while there "
        "is none.",
    )
