"""A fan's points: the balance, what moved them, and buying more."""

from django.conf import settings
from django.http.response import HttpResponseBase
from django.urls import reverse

from idempotency.values import Lease
from kernel.errors import DomainError
from kernel.i18n import text
from kernel.money import Money
from payments.public import PAID, REQUIRES_ACTION
from payments.usecases import charging
from points import queries
from points.policy import TransferKind
from storefront.forms import ChargeForm
from storefront.once import new_key, once
from storefront.paging import page_of
from storefront.private import Visit, private, private_page

_KINDS = {
    TransferKind.CHARGE: text(en="Topped up", ko="충전"),
    TransferKind.PAYMENT: text(en="Payment", ko="결제"),
    TransferKind.PAYMENT_HOLD: text(en="Set aside for a payment", ko="결제 대기"),
    TransferKind.PAYMENT_RETURN: text(en="Back from a payment", ko="결제 취소 반환"),
    TransferKind.REFUND: text(en="Refund", ko="환불"),
    TransferKind.GRANT: text(en="Gift", ko="지급"),
    TransferKind.ADJUSTMENT: text(en="Adjustment", ko="조정"),
}


@private("GET", "HEAD", "POST", post="charge")
def points(visit: Visit) -> HttpResponseBase:
    """Show the balance and the ledger; charge points."""
    form = ChargeForm(visit.form if visit.request.method == "POST" else None)
    refusal = None
    if form.is_bound and form.is_valid():
        try:
            return once(visit, lambda lease: _charge(visit, form.cleaned_data["amount"], lease))
        except DomainError as error:
            refusal = error
    page = page_of(visit, queries.entries(user_id=visit.user_id))
    return private_page(
        visit,
        "storefront/points.html",
        "points",
        refusal=refusal,
        balance=queries.balance(user_id=visit.user_id),
        entries=[(_KINDS[TransferKind(row.transfer.kind)], row) for row in page.rows],
        page=page,
        form=form,
        idempotency_key=new_key(),
    )


def _charge(visit: Visit, amount: int, lease: Lease) -> str:
    """Charge; return the gateway's page, or the page that says how it stands."""
    back = reverse("storefront:charge-return")
    result = charging.charge(
        user_id=visit.user_id,
        amount=Money(amount),
        request_key=lease.request_key,
        resumed=lease.resumed,
        now=visit.now,
        return_url=settings.FRONTROW_URL + back,
    )
    if result.status == REQUIRES_ACTION and result.checkout_url:
        return result.checkout_url
    if result.status == PAID:
        return reverse("storefront:points")
    return f"{back}?charge={result.id}"
