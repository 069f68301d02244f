"""The form of tickets in responses."""

from typing import Any

from rest_framework import serializers

from kernel.http.serializers import UtcDateTimeField
from reservations.api.serializers import PerformanceBriefSerializer

STATUSES = ["VALID", "USED", "VOID"]


class TicketSeatSerializer(serializers.Serializer[Any]):
    """The seat of a ticket; `section` is the section's code."""

    id = serializers.UUIDField()
    section = serializers.CharField()
    row = serializers.CharField()
    number = serializers.CharField()


class TicketSerializer(serializers.Serializer[Any]):
    """A ticket."""

    id = serializers.UUIDField()
    code = serializers.CharField(help_text="Short, to be read out.")
    status = serializers.ChoiceField(choices=STATUSES)
    reservation_id = serializers.UUIDField()
    performance = PerformanceBriefSerializer()
    seat = TicketSeatSerializer()
    qr = serializers.CharField(
        help_text="What the QR code says, signed (Ed25519): 122 characters of QR's alphanumeric "
        "mode, blanks among them."
    )
    issued_at = UtcDateTimeField()


class TicketListSerializer(serializers.Serializer[Any]):
    """All tickets of one reservation, in the form of every list."""

    results = TicketSerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="Always null: one page holds them all.")
    previous = serializers.URLField(allow_null=True)
