"""The command `draw`: print the seed of a draw that is over, compute its numbers, verify it."""

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from kernel.redis.breaker import DependencyUnavailable
from queueing import draw, draw_check, policy, queries
from queueing.draw_facts import DrawFacts


class Command(BaseCommand):
    """`draw reveal PERFORMANCE`, `draw verify PERFORMANCE`: for staff and for who doubts a draw.

    Exit codes: 0 fine; 1 the draw is not as it was promised; 2 there is nothing to look at yet.
    """

    help = "Print the seed of a draw that is over and compute its numbers, or verify the draw."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        for verb in ("reveal", "verify"):
            options = verbs.add_parser(verb)
            options.add_argument("performance", type=UUID)
            options.add_argument(
                "--joined",
                type=int,
                nargs="+",
                default=[],
                metavar="N",
                help="print the numbers of the N-th who joined before the opening",
            )
            options.add_argument(
                "--number",
                type=int,
                nargs="+",
                default=[],
                metavar="NUMBER",
                help="print as which one the holders of these numbers joined",
            )
            options.add_argument("--json", action="store_true", help="one JSON object")
        options.add_argument("--commitment", help="the commitment, as noted before the opening")

    def handle(self, *args: Any, **options: Any) -> None:
        facts = queries.draw_facts_kept(options["performance"])
        if not facts.seed:
            raise CommandError(_why_not(facts), returncode=2)
        shown = _shown(facts, options)
        problems: list[str] = []
        if options["verb"] == "verify":
            problems = _problems(facts, options["commitment"])
            shown["turns_of_nobody"] = draw_check.turns_of_nobody(facts)
            shown["notes"] = list(draw_check.notes(facts))
            shown["problems"] = problems
        self._print(shown, as_json=options["json"])
        if problems:
            raise CommandError("the draw is not as it was promised")

    def _print(self, shown: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(shown))
            return
        drawn = shown.pop("drawn")
        problems, notes = shown.pop("problems", None), shown.pop("notes", ())
        for name, value in shown.items():
            self.stdout.write(f"{name}: {value}")
        for one in drawn:
            self.stdout.write(f"joined {one['joined']}: number {one['number']}")
        for note in notes:
            self.stdout.write(f"NOTE: {note}")
        for problem in problems or ():
            self.stdout.write(f"PROBLEM: {problem}")
        if problems == []:
            self.stdout.write("verified: as it was promised")


def _problems(facts: DrawFacts, noted: str | None) -> list[str]:
    try:
        return draw_check.problems(facts, noted=noted)
    except DependencyUnavailable as error:
        raise CommandError("the queue server is unavailable", returncode=2) from error


def _why_not(facts: DrawFacts) -> str:
    if not facts.commitment:
        return "no draw: nobody has committed to one here"
    return (
        "the draw isn't over before the first of the drawn is admitted; "
        f"SHA-256 of its seed: {facts.commitment}"
    )


def _shown(facts: DrawFacts, options: dict[str, Any]) -> dict[str, Any]:
    key, start = facts.key, facts.start
    try:
        drawn = [(n, draw.number_of(n, key=key, start=start)) for n in options["joined"]]
        drawn += [(draw.order_of(n, key=key, start=start), n) for n in options["number"]]
    except ValueError as error:
        raise CommandError(str(error)) from error
    beyond = [number for nth, number in drawn if nth > facts.entrants]
    if options["verb"] == "verify" and beyond:
        raise CommandError(f"nobody was given {', '.join(map(str, beyond))} by this draw")
    return {
        "performance_id": str(facts.performance_id),
        "seed": facts.seed,
        "seed_sha256": facts.commitment,
        "beacon": facts.beacon.as_json() if facts.beacon else None,
        "start": start,
        "numbers": policy.DRAW_NUMBERS,
        "entrants": facts.entrants,
        "losses": facts.losses,
        "algorithm": draw.ALGORITHM,
        "drawn": [{"joined": nth, "number": number} for nth, number in drawn],
    }
