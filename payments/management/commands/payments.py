"""`manage.py payments`: find out what the gateway has still to answer."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kernel import clock
from payments import gateways, queries, reconciliation
from payments.reconciliation import Reconciled


class Command(BaseCommand):
    """`payments reconcile`: look up, batch by batch, whatever is due."""

    help = "Find out what the payment gateway has still to answer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        reconcile = verbs.add_parser(
            "reconcile",
            help="look up payments and carry on with refunds that are due",
            description=(
                "Look up payments and carry on with refunds that are due, a batch at a time, until "
                "nothing is. Beat does it by itself every few seconds; this shows how far it is. "
                "Exit code 1: the gateway could not be asked about some."
            ),
        )
        reconcile.add_argument("--json", action="store_true", help="one JSON object a batch")

    def handle(self, *args: Any, **options: Any) -> None:
        if gateways.current() is None:
            raise CommandError("No payment gateway is configured.")
        failed = 0
        while (done := reconciliation.reconcile(now=clock.now())).total:
            failed += done.not_sent + done.errors
            self._report(done, as_json=options["json"])
        self._report(Reconciled(), as_json=options["json"])
        if failed:
            raise CommandError(f"{failed} could not be looked up; they are due again later.")

    def _report(self, done: Reconciled, *, as_json: bool) -> None:
        remaining = queries.unresolved()
        if as_json:
            self.stdout.write(json.dumps({**asdict(done), "unresolved": remaining}))
        else:
            self.stdout.write(
                f"looked up {done.looked_up}, refunds {done.refunds}, gateway not reached "
                f"{done.not_sent}, errors {done.errors}; still open {remaining}"
            )
