"""The form of points in responses."""

from typing import Any

from rest_framework import serializers

from kernel.http.serializers import MoneySerializer, UtcDateTimeField
from points.models import Entry
from points.policy import TransferKind


class BalanceSerializer(serializers.Serializer[Any]):
    """A fan's points."""

    balance = MoneySerializer()


class EntrySerializer(serializers.Serializer[Entry]):
    """One line of a fan's ledger."""

    id = serializers.UUIDField()
    transfer_id = serializers.UUIDField()
    kind = serializers.ChoiceField(
        choices=[kind.value for kind in TransferKind], source="transfer.kind"
    )
    reference = serializers.UUIDField(
        source="transfer.reference", help_text="The charge or payment that moved the points."
    )
    amount = MoneySerializer(source="money", help_text="Negative where points were spent.")
    balance_after = MoneySerializer(source="money_after")
    created_at = UtcDateTimeField(source="transfer.created_at")
