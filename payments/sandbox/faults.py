"""Faults on demand: what the sandbox does wrong, how often, and to which calls."""

from dataclasses import asdict, dataclass
from typing import Any

from payments.sandbox.refusals import invalid

CALLS = ("open", "approve", "confirm", "find", "cancel")
# What a fault does to a call.
CALL_KINDS = {
    "decline": "a confirm is declined with `code`",
    "slow": "the call waits for `seconds`, then does what it is to do",
    "hang": "the call does what it is to do, and responds only after `seconds`",
    "reset": "the call does what it is to do, and the connection is reset",
    "refuse": "the connection is reset, and nothing was done",
    "error": "the response is `status`, and nothing was done",
    "late_approval": "the connection is reset, and the capture happens `seconds` later",
}
# What a fault does to a webhook.
WEBHOOK_KINDS = {
    "webhook_duplicate": "the next webhook is delivered twice",
    "webhook_reorder": "the next webhook is delivered `seconds` later, behind its successors",
}


_FORMS: dict[str, type | tuple[type, ...]] = {
    "kind": str,
    "call": str,
    "order_id": str,
    "times": int,
    "seconds": (int, float),
    "status": int,
    "code": str,
}


@dataclass(slots=True)
class Fault:
    """One fault: `times` left, `call` or `order_id` narrow it down where they are given."""

    kind: str
    call: str = ""
    order_id: str = ""
    times: int = 1
    seconds: float = 30.0
    status: int = 503
    code: str = "REJECT_CARD_PAYMENT"

    def fits(self, call: str, order_id: str) -> bool:
        """Say whether it is for this call."""
        return self.call in ("", call) and self.order_id in ("", order_id)


class Faults:
    """The faults that are still to happen, oldest first; they end with the process."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, body: Any) -> dict[str, Any]:
        """Take a fault in as an operator describes it. Raises ApiRefusal."""
        fault = _fault_of(body)
        self._waiting.append(fault)
        return asdict(fault)

    def clear(self) -> None:
        """Forget them all."""
        self._waiting.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """Return those that wait."""
        return [asdict(fault) for fault in self._waiting]

    def take(self, call: str, order_id: str) -> Fault | None:
        """Return the fault of a call, if there is one, and count it."""
        for fault in self._waiting:
            if fault.kind in ("decline", "late_approval") and call != "confirm":
                continue
            if fault.kind in CALL_KINDS and fault.fits(call, order_id):
                return self._count(fault)
        return None

    def take_for_webhook(self, kind: str, order_id: str) -> Fault | None:
        """Return the fault of a new webhook, if there is one of this kind, and count it."""
        for fault in self._waiting:
            if fault.kind == kind and fault.order_id in ("", order_id):
                return self._count(fault)
        return None

    def _count(self, fault: Fault) -> Fault:
        fault.times -= 1
        if fault.times <= 0:
            self._waiting.remove(fault)
        return fault


def _fault_of(body: Any) -> Fault:
    if not isinstance(body, dict):
        raise invalid("a fault is an object")
    for name, value in body.items():
        if name not in _FORMS:
            raise invalid(f"a fault has no {name}")
        if not isinstance(value, _FORMS[name]) or isinstance(value, bool):
            raise invalid(f"{name} has the wrong type")
    facts: dict[str, Any] = {"kind": ""} | body
    fault = Fault(**facts)
    if fault.kind not in CALL_KINDS | WEBHOOK_KINDS:
        raise invalid(f"kind must be one of {', '.join(CALL_KINDS | WEBHOOK_KINDS)}")
    if fault.call and fault.call not in CALLS:
        raise invalid(f"call must be one of {', '.join(CALLS)}")
    return fault
