"""The URLs of payments and of charging points."""

from django.urls import path

from payments.api.views import ChargesView, ChargeView, PaymentsView, PaymentView

urlpatterns = [
    path("payments/", PaymentsView.as_view(), name="payments"),
    path("payments/<uuid:payment_id>/", PaymentView.as_view(), name="payment"),
    path("points/charges/", ChargesView.as_view(), name="points-charges"),
    path("points/charges/<uuid:charge_id>/", ChargeView.as_view(), name="points-charge"),
]
