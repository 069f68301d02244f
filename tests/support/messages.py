"""Messages of Kafka without a broker, as far as the bookkeeping of consumers looks at them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FakeMessage:
    """A message at a place; what it says doesn't matter."""

    at: int
    named: bytes = b"key"
    of: int = 0

    def topic(self) -> str:
        return "topic"

    def partition(self) -> int:
        return self.of

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes:
        return self.named
