"""The form of the public proof."""

from typing import Any

from rest_framework import serializers

from kernel.http.serializers import UtcDateTimeField


class ProofCountsSerializer(serializers.Serializer[Any]):
    """Seats on sale, all together and by status; the four sum to all."""

    seats = serializers.IntegerField()
    available = serializers.IntegerField()
    temporarily_reserved = serializers.IntegerField()
    reserved = serializers.IntegerField()
    blocked = serializers.IntegerField()


class ProofCheckSerializer(serializers.Serializer[Any]):
    """A check, and whether it passed; null where it could not look."""

    name = serializers.CharField()
    passed = serializers.BooleanField(allow_null=True)


class ProofViolationSerializer(serializers.Serializer[Any]):
    """What the sale was halted for, and until when (null while it is)."""

    check = serializers.CharField()
    found_at = UtcDateTimeField()
    halt_lifted_at = UtcDateTimeField(allow_null=True)


class ProofSerializer(serializers.Serializer[Any]):
    """Counts and checks of one sale at one moment, signed."""

    performance_id = serializers.UUIDField()
    as_of = UtcDateTimeField()
    counts = ProofCountsSerializer()
    checks = ProofCheckSerializer(many=True)
    last_violation = ProofViolationSerializer(allow_null=True)
    jws = serializers.CharField(
        help_text="A compact JWS (EdDSA) over the same document without this member; the key is "
        "in /.well-known/jwks.json, by its `kid`."
    )
