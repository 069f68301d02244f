"""The addresses of the live streams, where no stream takes listeners.

The gateway sends these addresses to the process that serves streams (stream/README.md); whatever
reaches us came another way.
"""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kernel.caching.live_streams import StreamFull
from kernel.http.serializers import ProblemSerializer

_LAST_EVENT_ID = OpenApiParameter(
    "Last-Event-ID",
    str,
    OpenApiParameter.HEADER,
    description="The id of the last event that came: what followed within 60 s is repeated.",
)


def _responses(*events: str) -> dict[Any, Any]:
    """Describe a stream, whose schema is that of each event (before OpenAPI 3.2 has another)."""
    event = {
        "type": "object",
        "properties": {
            "event": {"type": "string", "enum": [*events, "alive", "reload"]},
            "data": {"type": "string", "description": "JSON."},
            "id": {"type": "string"},
            "retry": {"type": "integer", "description": "Milliseconds before reconnecting."},
        },
        "required": ["event", "data"],
    }
    return {
        (200, "text/event-stream"): event,
        404: ProblemSerializer,
        503: ProblemSerializer,
    }


class _StreamView(APIView):
    """An address of streams: public, and read by no login."""

    authentication_classes = ()
    permission_classes = ()
    throttle_route = None  # it costs nothing; calls are counted by client IP before


class QueueStreamView(_StreamView):
    """The live stream of a waiting room's public status."""

    @extend_schema(
        operation_id="queue_stream",
        tags=["waiting room"],
        auth=[],
        parameters=[_LAST_EVENT_ID],
        responses={**_responses("status"), 409: ProblemSerializer},
    )
    def get(self, request: Request, performance_id: UUID) -> Response:
        """Send the public status when it changes, as Server-Sent Events.

        Each event `status` is the whole document. `alive` {as_of} says every 15 s without another
        event until when that was seen to be so, `reload` that the room is there no more. 503
        stream_full: read the document, and try again after `Retry-After`.
        """
        raise StreamFull


class AvailabilityStreamView(_StreamView):
    """The live stream of a performance's availability."""

    @extend_schema(
        operation_id="availability_stream",
        tags=["catalogue"],
        auth=[],
        parameters=[_LAST_EVENT_ID],
        responses=_responses("seats"),
    )
    def get(self, request: Request, performance_id: UUID) -> Response:
        """Send the seats whose status changes, as Server-Sent Events.

        An event `seats` has `layout_version`, `as_of`, the indices of seats by their new letter
        (`A`, `T`, `R`, `B`; left out where none) and `crc`, the CRC-32 of the whole string of
        statuses afterwards: a client whose own differs reads the document again. The first one
        has no seats. `reload`: read the document again. `alive` {as_of} says every 15 s without
        another event until when that was seen to be so. 503 stream_full: read the document, and
        try again after `Retry-After`.
        """
        raise StreamFull
