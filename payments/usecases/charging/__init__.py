"""The use cases of buying points: charge, confirm after the gateway's page, settle."""

from payments.usecases.charging.charge import ChargingUnavailable, charge, confirm
from payments.usecases.charging.settlement import settle_charge

__all__ = ["ChargingUnavailable", "charge", "confirm", "settle_charge"]
