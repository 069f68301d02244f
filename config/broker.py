"""The broker connection of Celery, which outlives a restart of the broker.

Note [Broker restarts]
When a connection is lost, kombu puts back what it has delivered and nobody has acknowledged.
Without a broker that fails, and what fails there (kombu asserts that nothing is left, and walks
through messages that worker threads acknowledge meanwhile) is no connection error to Celery: the
worker ends with "Unrecoverable error". What couldn't be put back still stands in the broker's own
list of unacknowledged messages and is delivered again after the visibility time-out, so the failure
is logged and the worker reconnects.

A task that ends meanwhile is acknowledged on the channel it came by, which has no connection any
more. kombu trips over that (AttributeError), where the worker forgives a lost connection; so here
it is one.
"""

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

log = logging.getLogger(__name__)


class QoS(redis.QoS):
    """kombu's bookkeeping of unacknowledged messages, whose loss of the broker ends no process."""

    def restore_unacked_once(self, stderr: Any = None) -> None:
        """Put back what nobody has acknowledged; leave it to the visibility time-out otherwise."""
        try:
            super().restore_unacked_once(stderr)
        except Exception as error:  # noqa: BLE001  (see Note [Broker restarts])
            left: dict[str, Any] = self._delivered or {}
            log.warning(
                "unacknowledged tasks wait for the visibility time-out",
                extra={"count": len(left), "error": repr(error)},
            )
            left.clear()


class Channel(redis.Channel):
    """kombu's channel with our bookkeeping; used after its end it is a lost connection."""

    QoS = QoS

    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None:
            raise ConnectionResetError("the channel's connection was lost")
        return super()._connparams(asynchronous=asynchronous)  # type: ignore[misc]  # no stub


class Transport(redis.Transport):
    """kombu's transport with our channel."""

    Channel = Channel


def install() -> None:
    """Let redis:// and rediss:// mean this transport, in this process."""
    TRANSPORT_ALIASES.update(
        dict.fromkeys(("redis", "rediss"), f"{__name__}:{Transport.__qualname__}")
    )
