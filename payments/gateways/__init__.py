"""Payment gateways: what the product asks of one, an adapter for each, and the one in use."""

from payments.gateways.selection import approve_at_once, current

__all__ = ["approve_at_once", "current"]
