"""The check of dead letters: each is replayed or dropped by somebody."""

from itertools import islice

from django.conf import settings

from events import kafka, replay
from events.letters import Selection
from proof import policy
from proof.findings import AuditBatch, Violation


def dead_letters_are_settled(batch: AuditBatch) -> list[Violation]:
    """Find dead letters that nobody has replayed or dropped. Raises `kafka.KafkaUnavailable`."""
    if not kafka.is_configured():
        return []
    return [
        batch.violation("letter", letter.place, f"{letter.group}: {letter.error}"[:200])
        for topic in settings.EVENT_TOPICS
        for letter in islice(replay.unsettled(Selection(topic)), policy.EXAMPLES)
    ]
