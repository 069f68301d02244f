"""The command `events`: show what waits, and send dead letters back."""

import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from events import kafka, queries, replay
from events.usecases import dead_letters
from kernel import clock


class Command(BaseCommand):
    help = "Show the outbox (status), or send dead letters back (replay)."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        status = actions.add_parser("status", help="what waits in the outbox")
        again = actions.add_parser("replay", help="dead letters back to where they came from")
        source = again.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "--outbox", action="store_true", help="events the relay could not publish"
        )
        source.add_argument(
            "--topic", choices=settings.EVENT_TOPICS, help="dead letters of a topic's consumers"
        )
        again.add_argument("--id", type=UUID, action="append", help="with --outbox: only these")
        again.add_argument("--group", help="with --topic: only what this group could not apply")
        for action in (status, again):
            action.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "status":
            result = asdict(queries.outbox_state(now=clock.now()))
        elif options["outbox"]:
            result = {"replayed": self._revive(options["id"])}
        else:
            result = {"replayed": self._replay(options["topic"], options["group"])}
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self.stdout.write("  ".join(f"{name}: {value}" for name, value in result.items()))

    def _revive(self, ids: list[UUID] | None) -> int:
        return dead_letters.revive(
            event_ids=ids, actor_id=None, reason="manage.py events replay", now=clock.now()
        )

    def _replay(self, topic: str, group: str | None) -> int:
        if not kafka.is_configured():
            raise CommandError("KAFKA_BOOTSTRAP_SERVERS is empty")
        try:
            return replay.replay_topic(topic=topic, group=group)
        except kafka.KafkaUnavailable as error:
            raise CommandError(f"Kafka: {error}") from error
        except replay.OriginalGone as error:
            raise CommandError(
                f"the topic no longer keeps the message of a cut letter ({error}); it was stepped"
                " over: run this again for the others"
            ) from error
