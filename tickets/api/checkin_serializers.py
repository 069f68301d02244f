"""The form of check-ins and of the admission list."""

from datetime import UTC
from typing import Any

from rest_framework import serializers

from kernel.http.serializers import BoundedListField, IdField, StrictSerializer, UtcDateTimeField
from tickets import codes, policy
from tickets.api.serializers import STATUSES, TicketSeatSerializer

OUTCOMES = [
    "admitted",
    "already_admitted",
    "wrong_performance",
    "ticket_void",
    "doors_closed",
    "ticket_not_found",
    "scan_id_reused",
    "scan_undone",
]
_VISIBLE = r"^[!-~]{1,64}$"


class _ScannedSerializer(StrictSerializer):
    """What every scan says."""

    code = serializers.CharField(
        max_length=codes.LONGEST,
        trim_whitespace=False,  # a QR payload may have blanks anywhere
        help_text="The code that was typed, or the text of the QR code as it was read.",
    )
    gate = serializers.CharField(max_length=policy.GATE_LENGTH)
    scan_id = serializers.RegexField(
        _VISIBLE,
        help_text="The scanner's id for this scan, such as a UUID: sent again, it has the same "
        "response and no second effect.",
    )


class CheckinRequestSerializer(_ScannedSerializer):
    """A ticket that was scanned at a door."""

    performance_id = IdField()


class CheckinSerializer(serializers.Serializer[Any]):
    """An admission."""

    id = serializers.UUIDField()
    seat = TicketSeatSerializer()
    holder_name = serializers.CharField(help_text="May be empty: nobody has to give a name.")
    admitted_at = UtcDateTimeField()


class BatchScanSerializer(_ScannedSerializer):
    """A scan that was made before, without a network."""

    scanned_at = serializers.DateTimeField(
        default_timezone=UTC,
        help_text="By the scanner's clock; believed back to three days and not beyond now.",
    )


class CheckinBatchRequestSerializer(StrictSerializer):
    """Scans, decided in their order, each by itself."""

    performance_id = IdField(
        required=False, help_text="The door's; without it each ticket's own performance."
    )
    scans = BoundedListField(
        child=BatchScanSerializer(), max_length=policy.SCANS_AT_ONCE, min_length=1
    )


class CheckinConflictSerializer(serializers.Serializer[Any]):
    """The admission that came first."""

    at = UtcDateTimeField()
    gate = serializers.CharField()


class ScanResultSerializer(serializers.Serializer[Any]):
    """What became of one scan."""

    scan_id = serializers.CharField()
    outcome = serializers.ChoiceField(choices=OUTCOMES)
    checkin_id = serializers.UUIDField(
        required=False, help_text="Where the outcome is `admitted`: by it the check-in is undone."
    )
    conflict = CheckinConflictSerializer(
        required=False, help_text="Where the outcome is `already_admitted`."
    )


class CheckinBatchSerializer(serializers.Serializer[Any]):
    """What became of each scan, in their order."""

    results = ScanResultSerializer(many=True)


class AdmissionEntrySerializer(serializers.Serializer[Any]):
    """A ticket as a scanner without a network has to know it."""

    code_hash = serializers.CharField(
        help_text="The first 12 hexadecimal digits of the SHA-256 of `{performance id}:{code}`."
    )
    seat = TicketSeatSerializer()
    initials = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES)
    admitted_at = UtcDateTimeField(allow_null=True)
    gate = serializers.CharField(allow_null=True)


class AdmissionListSerializer(serializers.Serializer[Any]):
    """The tickets of a performance, or those that changed."""

    as_of = UtcDateTimeField(help_text="For `since`, next time.")
    tickets = AdmissionEntrySerializer(many=True)


class AdmissionListQuerySerializer(serializers.Serializer[Any]):
    """What a scanner has already."""

    since = serializers.DateTimeField(
        required=False,
        default_timezone=UTC,
        help_text="The `as_of` of a list had before: tickets that changed since then, and some "
        "that changed up to a minute earlier.",
    )
