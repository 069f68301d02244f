"""The URLs of payments and of charging points."""

from django.urls import path

from payments.api.cancellations import CancelView, QuoteView
from payments.api.charges import ChargesView, ChargeView, ConfirmChargeView
from payments.api.offers import AcceptOfferView, DeclineOfferView
from payments.api.views import AbandonView, ConfirmView, PaymentsView, PaymentView
from payments.api.webhooks import PaymentWebhooksView

urlpatterns = [
    path("payments/", PaymentsView.as_view(), name="payments"),
    path("payments/<uuid:payment_id>/", PaymentView.as_view(), name="payment"),
    path("payments/<uuid:payment_id>/confirm/", ConfirmView.as_view(), name="payment-confirm"),
    path("payments/<uuid:payment_id>/abandon/", AbandonView.as_view(), name="payment-abandon"),
    path(
        "payments/<uuid:payment_id>/offer/accept/",
        AcceptOfferView.as_view(),
        name="payment-offer-accept",
    ),
    path(
        "payments/<uuid:payment_id>/offer/decline/",
        DeclineOfferView.as_view(),
        name="payment-offer-decline",
    ),
    path(
        "reservations/<uuid:reservation_id>/cancellation/",
        QuoteView.as_view(),
        name="reservation-cancellation",
    ),
    path(
        "reservations/<uuid:reservation_id>/cancel/",
        CancelView.as_view(),
        name="reservation-cancel",
    ),
    path("webhooks/payments/", PaymentWebhooksView.as_view(), name="payment-webhooks"),
    path("points/charges/", ChargesView.as_view(), name="points-charges"),
    path("points/charges/<uuid:charge_id>/", ChargeView.as_view(), name="points-charge"),
    path(
        "points/charges/<uuid:charge_id>/confirm/",
        ConfirmChargeView.as_view(),
        name="points-charge-confirm",
    ),
]
