"""Replays: the dead letters of consumers go back to their topic, or are dropped."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from enum import Enum

from confluent_kafka import KafkaException, Message, TopicPartition

from events import dead_letters, kafka, letters
from events.letters import Letter, Selection
from events.replay_progress import PREFIX, ReplayProgress
from events.topics import dead_letters_of


class LetterSettlement(Enum):
    """What became of a letter."""

    REPLAYED = "replayed"
    DROPPED = "dropped"
    GONE = "gone"  # the topic has dropped the message of a cut letter: it can't be replayed


def unsettled(selection: Selection) -> Iterator[Letter]:
    """Yield the letters that are meant and neither replayed nor dropped.

    Raises `kafka.KafkaUnavailable`.
    """
    try:
        for letter, _ in _walk(selection):
            yield letter
    except KafkaException as error:
        raise kafka.KafkaUnavailable(str(error)) from error


def replay(
    selection: Selection,
    *,
    per_second: float | None = None,
    publisher: kafka.Publisher = kafka.publisher,
) -> Iterator[tuple[Letter, LetterSettlement]]:
    """Send the letters that are meant back to their topic, at most so many a second.

    Every group sees them again; those that had applied them find them in their inbox. A letter that
    was replayed is not replayed again (Note [Progress of a replay]); a replay that ends half-way
    may send its last letter twice. Raises `kafka.KafkaUnavailable` and `TooManyGaps`.
    """
    begun, count = time.monotonic(), 0
    try:
        for letter, progress in _walk(selection):
            if per_second:
                time.sleep(max(0.0, begun + count / per_second - time.monotonic()))
            count += 1
            settlement = _send_back(letter, publisher)
            progress.settle(letter)
            yield letter, settlement
    except KafkaException as error:
        raise kafka.KafkaUnavailable(str(error)) from error


def drop(selection: Selection) -> Iterator[tuple[Letter, LetterSettlement]]:
    """Settle the letters that are meant without replaying them; raises as `replay` does."""
    try:
        for letter, progress in _walk(selection):
            progress.settle(letter)
            yield letter, LetterSettlement.DROPPED
    except KafkaException as error:
        raise kafka.KafkaUnavailable(str(error)) from error


def _walk(selection: Selection) -> Iterator[tuple[Letter, ReplayProgress]]:
    """Yield the unsettled letters that are meant, each with the progress of its group."""
    known: dict[str, ReplayProgress] = {}
    with ExitStack() as open_clients:
        reader = open_clients.enter_context(closing(letters.client(PREFIX + "reader")))
        partitions = letters.partitions_of(reader, dead_letters_of(selection.topic))
        for letter in letters.letters_of(selection.topic, reader):
            if selection.group not in (None, letter.group):
                continue
            if letter.group not in known:
                progress = ReplayProgress(letter.group, partitions)
                known[letter.group] = open_clients.enter_context(closing(progress))
            progress = known[letter.group]
            if progress.is_settled(letter):
                continue
            if selection.includes(letter):
                yield letter, progress
            else:
                progress.leave(letter)


def _send_back(letter: Letter, publisher: kafka.Publisher) -> LetterSettlement:
    message = _whole(letter)
    if message is None:
        return LetterSettlement.GONE
    again = kafka.OutgoingMessage(letter.place.topic, message.key() or b"", message.value() or b"")
    if publisher.send([again]) != [kafka.Outcome.DELIVERED]:
        raise kafka.KafkaUnavailable("the replayed event was not confirmed")
    return LetterSettlement.REPLAYED


def _whole(letter: Letter) -> Message | None:
    """Return the message of a letter, from the topic itself if the letter was cut."""
    origin = dead_letters.origin_of_cut(letter.message)
    if origin is None:
        return letter.message
    return letters.message_at(TopicPartition(origin.topic, origin.partition, origin.offset))
