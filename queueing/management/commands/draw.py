"""The command `draw`: print the seed of a draw that is over, and compute its numbers."""

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from queueing import draw, policy, queries


class Command(BaseCommand):
    """`draw reveal PERFORMANCE`: print what anybody needs to check the draw."""

    help = "Print the seed of a draw that is over, so that anybody can compute its numbers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        reveal = verbs.add_parser("reveal")
        reveal.add_argument("performance", type=UUID)
        reveal.add_argument(
            "--joined",
            type=int,
            nargs="+",
            default=[],
            metavar="N",
            help="print the numbers of the N-th who joined before the opening",
        )
        reveal.add_argument(
            "--number",
            type=int,
            nargs="+",
            default=[],
            metavar="NUMBER",
            help="print as which one the holders of these numbers joined",
        )
        reveal.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        progress = queries.progress_of(options["performance"])
        if progress is None or not progress.draw_seed:
            raise CommandError("no draw: nobody has joined before the opening")
        if not progress.draw_is_over:
            raise CommandError(
                "the draw isn't over before the first of the drawn is admitted; "
                f"SHA-256 of its seed: {progress.draw_commitment}"
            )
        seed, start = progress.draw_seed, progress.draw_start
        try:
            drawn = [(n, draw.number_of(n, seed=seed, start=start)) for n in options["joined"]]
            drawn += [(draw.order_of(n, seed=seed, start=start), n) for n in options["number"]]
        except ValueError as error:
            raise CommandError(str(error)) from error
        facts = {
            "performance_id": str(progress.performance_id),
            "seed": seed,
            "seed_sha256": progress.draw_commitment,
            "start": start,
            "numbers": policy.DRAW_NUMBERS,
            "algorithm": draw.ALGORITHM,
            "drawn": [{"joined": nth, "number": number} for nth, number in drawn],
        }
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        for name in ("seed", "seed_sha256", "start", "numbers", "algorithm"):
            self.stdout.write(f"{name}: {facts[name]}")
        for nth, number in drawn:
            self.stdout.write(f"joined {nth}: number {number}")
