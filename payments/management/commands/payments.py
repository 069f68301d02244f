"""`manage.py payments`: what the gateway has still to answer, and money of orders without a row."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kernel import clock
from payments import gateways, queries, reconciliation
from payments.gateways.gateway import Gateway, NotSent, OutcomeUnknown, RefundRefused
from payments.reconciliation import Reconciled
from payments.usecases import refunding


class Command(BaseCommand):
    """`payments reconcile`: look up, batch by batch, whatever is due; `payments give-back`."""

    help = (
        "Find out what the payment gateway has still to answer; give an order without a row back."
    )

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
        returning = verbs.add_parser(
            "give-back",
            help="give back all money of an order that the gateway has and no row of ours knows",
            description=(
                "Give all money back that the gateway has of an order without a row of ours, as the"
                " audit names it after a restore (docs/backups.md). It may be repeated. There is no"
                " amount to choose: no row says what a part would be for, the audit names the order"
                " as long as any of its money is kept, and a part that is repeated after a silence"
                " would be given back twice. Exit code 1: nothing is known to be given back."
            ),
        )
        returning.add_argument("order", help="the order's id at the gateway")
        returning.add_argument("--reason", required=True, help="goes into audit and gateway")
        returning.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        gateway = gateways.current()
        if gateway is None:
            raise CommandError("No payment gateway is configured.")
        if options["verb"] == "give-back":
            self._give_back(gateway, options)
        else:
            self._reconcile(options)

    def _give_back(self, gateway: Gateway, options: dict[str, Any]) -> None:
        order = {"order_id": options["order"], "reason": options["reason"]}
        try:
            money = refunding.give_back(gateway=gateway, **order, now=clock.now())
        except refunding.OrderHasRow:
            raise CommandError("A payment or charge has this order: refund that one.") from None
        except refunding.OrderNotFound:
            raise CommandError(f"{gateway.name} has no such order.") from None
        except refunding.OrderOpen:
            raise CommandError(
                "Nobody has paid this order, and somebody may yet: ask again."
            ) from None
        except RefundRefused as refusal:
            raise CommandError(f"{gateway.name} refuses: {refusal}") from None
        except (NotSent, OutcomeUnknown) as doubt:
            raise CommandError(f"{gateway.name} did not say: {doubt}; run it again.") from None
        if options["json"]:
            said = {"order": options["order"], "amount": money.amount, "currency": money.currency}
            self.stdout.write(json.dumps(said))
        else:
            self.stdout.write(f"given back: {money.amount} {money.currency}")

    def _reconcile(self, options: dict[str, Any]) -> None:
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
