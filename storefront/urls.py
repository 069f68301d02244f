"""Addresses of fans' pages, after the language."""

from django.urls import path

from storefront.views import (
    account,
    buying,
    catalogue,
    mine,
    points,
    returning,
    seats,
    texts,
    tickets,
    waiting,
)

app_name = "storefront"
urlpatterns = [
    path("", catalogue.home, name="home"),
    path("concerts/<uuid:concert_id>/", catalogue.concert, name="concert"),
    path("performances/<uuid:performance_id>/", catalogue.performance, name="performance"),
    path(
        "performances/<uuid:performance_id>/opening.ics",
        catalogue.opening_calendar,
        name="opening-calendar",
    ),
    path("performances/<uuid:performance_id>/queue/", waiting.room, name="queue"),
    path("performances/<uuid:performance_id>/queue/place/", waiting.place, name="place"),
    path("performances/<uuid:performance_id>/seats/", seats.seat_map, name="seats"),
    path("performances/<uuid:performance_id>/seats/list/", seats.seat_list, name="seat-list"),
    path("checkout/<uuid:reservation_id>/", buying.checkout, name="checkout"),
    path("checkout/<uuid:reservation_id>/return/", returning.payment, name="payment-return"),
    path("checkout/<uuid:reservation_id>/done/", buying.done, name="done"),
    path("me/", mine.reservations, name="me"),
    path("me/reservations/<uuid:reservation_id>/", mine.reservation, name="reservation"),
    path("me/reservations/<uuid:reservation_id>/cancel/", mine.cancel, name="cancel"),
    path("me/payments/<uuid:payment_id>/offer/", mine.offer, name="offer"),
    path("me/tickets/<uuid:ticket_id>/", tickets.ticket, name="ticket"),
    path("me/tickets/<uuid:ticket_id>.pdf", tickets.ticket_pdf, name="ticket-pdf"),
    path("me/tickets/<uuid:ticket_id>.ics", tickets.ticket_calendar, name="ticket-calendar"),
    path("me/tickets/keeper.js", tickets.keeper, name="ticket-keeper"),
    path("me/account/", account.account, name="account"),
    path("me/account/logins/", account.logins, name="logins"),
    path("me/account/data.json", account.data, name="account-data"),
    path("me/account/delete/", account.delete, name="account-delete"),
    path("me/points/", points.points, name="points"),
    path("me/points/return/", returning.charge, name="charge-return"),
    path("pages/<slug:name>/", texts.page, name="text"),
]
