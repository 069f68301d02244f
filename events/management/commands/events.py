"""`manage.py events status|replay|dead`: what waits, and what was set aside."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from events import dead_letters as headers
from events import kafka, letters, queries, replay
from events.letters import Place, Selection
from events.replay import LetterSettlement
from events.replay_progress import TooManyGaps
from events.usecases import dead_letters
from events.usecases.dead_letters import OutboxSelection
from kernel import clock

FAILED, MISUSED = 1, 2
PROGRESS_EVERY_SECONDS = 1.0
SHOWN_AT_MOST = 100_000  # characters of a message


class Command(BaseCommand):
    """Show what waits in the outbox; list, show, replay and drop what was set aside."""

    help = (
        "Show what waits (status), publish or apply again what was set aside (replay), list, show "
        "or drop dead letters (dead). Exit code 0: done, or nothing to do; 1: Kafka is unavailable "
        "or the message of a cut letter gone; 2: the arguments don't fit together."
    )
    _printed_at = 0.0

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what it takes."""
        actions = parser.add_subparsers(dest="action", required=True)
        status = actions.add_parser("status", help="what waits in the outbox")
        again = actions.add_parser("replay", help="what was set aside back to where it came from")
        again.add_argument("--outbox", action="store_true", help="events that Kafka refused")
        again.add_argument("--rate", type=float, help="at most so many letters a second")
        verbs = actions.add_parser("dead", help="dead letters").add_subparsers(
            dest="verb", required=True
        )
        listed = verbs.add_parser("list", help="letters that are neither replayed nor dropped")
        listed.add_argument("--limit", type=int, default=100)
        show = verbs.add_parser("show", help="one letter, with its message")
        show.add_argument("place", type=_place, help="TOPIC:PARTITION:OFFSET, as `list` prints it")
        dropped = verbs.add_parser("drop", help="give letters up; they are never replayed")
        for action in (again, listed, dropped):
            _add_filters(action)
        for action in (again, dropped):
            action.add_argument("--dry-run", action="store_true", help="count, change nothing")
        again.add_argument("--reason", default="manage.py events replay")
        dropped.add_argument("--reason", required=True, help="for the audit entry")
        for action in (status, again, listed, show, dropped):
            action.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for."""
        action = options["action"]
        if action == "status":
            self._print(asdict(queries.outbox_state(now=clock.now())), options)
        elif action == "replay" and options["outbox"]:
            self._revive(options)
        else:
            self._with_letters(action if action == "replay" else options["verb"], options)

    def _revive(self, options: dict[str, Any]) -> None:
        if options["group"] or options["place"] or options["rate"]:
            raise CommandError(
                "--group, --place and --rate are for letters, not for --outbox", returncode=MISUSED
            )
        selection = OutboxSelection(
            event_ids=frozenset(options["id"]) or None,
            topic=options["topic"],
            since=options["since"],
            until=options["until"],
            types=frozenset(options["type"]),
        )
        count = dead_letters.revive(
            selection=selection,
            actor_id=None,
            reason=options["reason"],
            now=clock.now(),
            dry_run=options["dry_run"],
        )
        self._print({"would_replay" if options["dry_run"] else "replayed": count}, options)

    def _with_letters(self, verb: str, options: dict[str, Any]) -> None:
        if not kafka.is_configured():
            raise CommandError("KAFKA_BOOTSTRAP_SERVERS is empty", returncode=FAILED)
        work = {
            "replay": self._replay,
            "list": self._list,
            "show": self._show,
            "drop": self._drop,
        }[verb]
        try:
            work(options)
        except kafka.KafkaUnavailable as error:
            raise CommandError(f"Kafka: {error}", returncode=FAILED) from error
        except TooManyGaps as error:
            raise CommandError(str(error), returncode=FAILED) from error

    def _replay(self, options: dict[str, Any]) -> None:
        if options["rate"] is not None and options["rate"] <= 0:
            raise CommandError("--rate must be above 0", returncode=MISUSED)
        selection = _one_selection(options)
        if options["dry_run"]:
            self._print({"would_replay": _count(selection)}, options)
            return
        counts = dead_letters.replay_letters(
            selection=selection,
            actor_id=None,
            reason=options["reason"],
            now=clock.now(),
            per_second=options["rate"],
            progress=self._show_progress,
        )
        result = {"replayed": counts[LetterSettlement.REPLAYED]}
        if counts[LetterSettlement.GONE]:
            self._print({**result, "gone": counts[LetterSettlement.GONE]}, options)
            self.stderr.write("the topic no longer keeps the messages of some cut letters")
            sys.exit(FAILED)
        self._print(result, options)

    def _list(self, options: dict[str, Any]) -> None:
        topics = [options["topic"]] if options["topic"] else settings.EVENT_TOPICS
        rows: list[dict[str, Any]] = []
        for topic in topics:
            left = options["limit"] - len(rows)
            found = replay.unsettled(_selection(topic, options))
            rows += [letter.as_json() for letter in islice(found, max(0, left))]
        if options["json"]:
            self.stdout.write(json.dumps({"letters": rows}, ensure_ascii=False))
            return
        for row in rows:
            self.stdout.write("  ".join(str(value or "-") for value in row.values()))

    def _show(self, options: dict[str, Any]) -> None:
        letter = letters.find_letter(options["place"])
        if letter is None:
            raise CommandError(f"no letter at {options['place']}", returncode=FAILED)
        value = (letter.message.value() or b"").decode(errors="backslashreplace")
        shown = {
            **letter.as_json(),
            "key": (letter.message.key() or b"").decode(errors="backslashreplace"),
            "origin": ":".join(
                headers.headers_of(letter.message).get(name, b"").decode()
                for name in ("topic", "partition", "offset")
            ),
            "is_cut": headers.origin_of_cut(letter.message) is not None,
            "message": value[:SHOWN_AT_MOST],
        }
        indent = None if options["json"] else 2
        self.stdout.write(json.dumps(shown, ensure_ascii=False, indent=indent))

    def _drop(self, options: dict[str, Any]) -> None:
        selection = _one_selection(options)
        if options["dry_run"]:
            self._print({"would_drop": _count(selection)}, options)
            return
        counts = dead_letters.drop_letters(
            selection=selection, actor_id=None, reason=options["reason"], now=clock.now()
        )
        self._print({"dropped": counts[LetterSettlement.DROPPED]}, options)

    def _show_progress(self, count: int) -> None:
        if time.monotonic() - self._printed_at >= PROGRESS_EVERY_SECONDS:
            self._printed_at = time.monotonic()
            self.stderr.write(f"replayed: {count}", style_func=str)

    def _print(self, result: Mapping[str, Any], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self.stdout.write("  ".join(f"{name}: {value}" for name, value in result.items()))


def _add_filters(parser: CommandParser) -> None:
    add = parser.add_argument
    add("--topic", choices=settings.EVENT_TOPICS, help="what the letters are about")
    add("--group", help="only what this group could not apply")
    add("--from", dest="since", type=_moment, help="set aside (with --outbox: made) since then")
    add("--to", dest="until", type=_moment, help="and before then; 2026-11-26T20:00+09:00")
    add("--type", action="append", default=[], help="only events of this type (repeatable)")
    add("--id", type=UUID, action="append", default=[], help="only this event (repeatable)")
    add("--place", type=_place, action="append", default=[], help="only this letter (repeatable)")


def _one_selection(options: dict[str, Any]) -> Selection:
    """Return what is meant; letters of one topic at a time."""
    topics = {place.topic for place in options["place"]} | {options["topic"]} - {None}
    if len(topics) != 1:
        raise CommandError("name one topic, by --topic or --place", returncode=MISUSED)
    return _selection(topics.pop(), options)


def _selection(topic: str, options: dict[str, Any]) -> Selection:
    return Selection(
        topic=topic,
        group=options["group"],
        since=options["since"],
        until=options["until"],
        types=frozenset(options["type"]),
        event_ids=frozenset(options["id"]),
        places=frozenset(options["place"]),
    )


def _count(selection: Selection) -> int:
    return sum(1 for _ in replay.unsettled(selection))


def _place(text: str) -> Place:
    place = Place.parse(text)
    if place.topic not in settings.EVENT_TOPICS or min(place.partition, place.offset) < 0:
        raise ValueError(text)
    return place


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else timezone.make_aware(moment)
