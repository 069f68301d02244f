"""Money of orders that no row of ours knows is given back, once (Note [Orders without a row])."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry
from kernel.money import Money
from payments.gateways.gateway import GatewayOrder
from payments.models import Payment
from tests.support.factories import make_performance
from tests.support.gateways import Fault
from tests.support.money import begin_by_card, confirm, hold

ORDER = "chg-of-a-lost-row"


@pytest.fixture
def lost(gateway, db_ready):
    """An order that the gateway captured, and whose row a restore lost."""
    gateway.open(GatewayOrder(ORDER, "key", Money(5_000), "Points"), return_url="")
    gateway.capture(ORDER)
    return gateway


def give_back(order=ORDER) -> str:
    out = StringIO()
    call_command("payments", "give-back", order, "--reason", "restored", "--json", stdout=out)
    return json.loads(out.getvalue())["amount"]


def test_all_of_it_goes_back_once_and_is_audited(lost):
    assert give_back() == 5_000
    assert lost.money_of(ORDER) == 0
    entry = AuditEntry.objects.get(action="payments.give_back_order")
    assert (entry.target_type, entry.target_id, entry.reason) == ("order", ORDER, "restored")
    assert entry.changes["amount"] == 5_000
    assert give_back() == 0
    assert AuditEntry.objects.count() == 1


def test_what_is_left_of_an_order_goes_back(lost):
    """Somebody has given a part back at the gateway's own console."""
    lost.refund(
        lost.find(ORDER, payment_key=None), Money(2_000), request_key="console", reason="by hand"
    )
    assert give_back() == 3_000
    assert lost.money_of(ORDER) == 0


def test_a_part_is_not_to_be_chosen_and_the_help_says_why(lost, capsys):
    with pytest.raises(CommandError, match="--amount"):
        call_command("payments", "give-back", ORDER, "--reason", "part", "--amount", "2000")
    assert lost.money_of(ORDER) == 5_000
    with pytest.raises(SystemExit):
        call_command("payments", "give-back", "--help")
    assert "would be given back twice" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.HANG])
def test_after_a_silence_it_is_repeated_and_money_moves_once(lost, fault):
    lost.fail("refund", fault)
    with pytest.raises(CommandError, match="did not say"):
        give_back()
    give_back()
    assert lost.money_of(ORDER) == 0
    assert list(lost.ledger[ORDER].refunds.values()) == [5_000]


def test_an_order_with_a_row_is_left_to_its_own_refund(lost, fan):
    begun = begin_by_card(fan, hold(fan, make_performance(seats=1), seats=1).id)
    confirm(fan, begun.id)
    order_id = Payment.objects.get().order_id
    with pytest.raises(CommandError, match="refund that one"):
        give_back(order_id)
    assert lost.money_of(order_id) > 0


@pytest.mark.parametrize(
    ("call", "fault", "words"),
    [("find", Fault.NOT_SENT, "did not say"), ("refund", Fault.REFUSE, "refuses: the account")],
)
def test_what_the_gateway_does_not_do_is_said(lost, call, fault, words):
    lost.fail(call, fault)
    with pytest.raises(CommandError, match=words):
        give_back()
    assert lost.money_of(ORDER) == 5_000


def test_an_order_that_somebody_may_still_pay_is_not_done(lost):
    lost.open(GatewayOrder("chg-open", "key", Money(7_000), "Points"), return_url="")
    with pytest.raises(CommandError, match="somebody may"):
        give_back("chg-open")


def test_an_order_that_the_gateway_has_not_is_refused(lost):
    with pytest.raises(CommandError, match="no such order"):
        give_back("chg-of-nobody")
