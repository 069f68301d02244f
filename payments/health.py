"""Health of the payment gateway, for readiness: what this process's calls have met."""

from datetime import datetime

from kernel.telemetry.health import Dependency
from payments import gateways


def gateway_part(*, now: datetime) -> Dependency:
    """Say whether the breaker lets calls through; nothing is sent for it."""
    gateway = gateways.current()
    if gateway is None:
        return Dependency("off", "no PAYMENT_GATEWAY: no cards, no charges of points")
    if gateway.is_refusing:
        return Dependency("warning", f"{gateway.name} fails: cards are refused, nothing is charged")
    return Dependency("ok")
