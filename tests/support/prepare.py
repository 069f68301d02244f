"""Make what acceptance tests start from in a running site.

Run with the site's environment by tests.support.site. It stays, because starting Django takes
longer than anything it does: one JSON object a line comes in and one goes out.

- `{"do": "sale", "seats": 50, ...}` puts a new performance on sale: `price`, `sections` and
  `row_length`; `queue`, the waiting room's settings; every other option belongs to the sale policy.
- `{"do": "room", "performance_id": "…", ...}` changes the settings of a waiting room.
- `{"do": "fans", "count": 5, "points": 100}` runs `manage.py fans`.
- `{"do": "password", "email": "…", "password": "…"}` gives a fan a password.
- `{"do": "login", "user_id": "..."}` logs a fan in for pages.
- `{"do": "draft"}` makes a performance that nothing is prepared of.
- `{"do": "tickets", "performance_id": "…", "count": 5}` sells the first seats of a performance.
- `{"do": "door_key"}` makes an API key that checks tickets in.
- `{"do": "staff", "role": "operator"}` logs a new member of a group in for the pages of staff.
"""

import io
import json
import sys
from typing import Any
from uuid import UUID

import django

django.setup()

from django.conf import settings  # noqa: E402  (needs the set-up)
from django.contrib.auth import (  # noqa: E402
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
)
from django.contrib.auth.models import Group  # noqa: E402
from django.core.management import call_command  # noqa: E402  (needs the set-up)
from django.db import connections  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.sessions import FanSessionStore, SessionStore  # noqa: E402
from concerts.models import Performance  # noqa: E402
from kernel import clock  # noqa: E402
from kernel.ids import uuid7  # noqa: E402
from queueing.usecases import config  # noqa: E402
from reservations.models import SalePolicy  # noqa: E402
from tests.support import factories  # noqa: E402
from tests.support.machines import make_key  # noqa: E402
from tests.support.money import begin, give_points, hold  # noqa: E402
from tickets.models import Ticket  # noqa: E402
from tickets.queries import qr_payload  # noqa: E402

SEATS_AT_ONCE = 4


def sale(*, queue: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """Return the ids of a new performance on sale and of its seats in layout order."""
    performance = factories.make_performance(**options)
    if queue is not None:
        now = clock.now()
        config.set_config(
            performance_id=performance.pk,
            changes={"queue_opens_at": now, "state": "OPEN", **queue},
            actor_id=None,
            reason="acceptance test",
            now=now,
        )
    return {
        "performance_id": str(performance.pk),
        "concert_id": str(performance.concert_id),
        "seat_ids": [str(seat) for seat in factories.seat_ids(performance)],
    }


def room(*, performance_id: str, **changes: Any) -> dict[str, Any]:
    """Change a waiting room while it runs, as staff do."""
    config.set_config(
        performance_id=UUID(performance_id),
        changes=changes,
        actor_id=None,
        reason="acceptance test",
        now=clock.now(),
    )
    return {}


def password(*, email: str, password: str) -> dict[str, Any]:
    """Give a fan a password to log in with on a page."""
    user = User.objects.get(email=email)
    user.set_password(password)
    user.save(update_fields=["password"])
    return {}


def fans(*, count: int, points: int) -> list[dict[str, str]]:
    """Return what `manage.py fans` printed."""
    printed = io.StringIO()
    call_command("fans", count=count, points=points, json=True, stdout=printed)
    return [json.loads(line) for line in printed.getvalue().splitlines()]


def login(*, user_id: str) -> dict[str, str]:
    """Return the cookie of a new login of a fan's pages."""
    user = User.objects.get(pk=user_id)
    session = FanSessionStore()
    session[SESSION_KEY] = user_id
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    assert session.session_key
    return {"name": settings.FAN_SESSION_COOKIE_NAME, "value": session.session_key}


def draft() -> dict[str, Any]:
    """Return the ids of a performance without seats, windows and room, of a concert not shown."""
    texts = {"description_ko": "공연 소개", "refund_policy_ko": "환불 규정"}
    concert = factories.make_concert(published=False, **texts)
    performance = factories.make_performance(seats=0, on_sale=False, concert=concert)
    SalePolicy.objects.filter(performance=performance).delete()
    return {
        "performance_id": str(performance.pk),
        "concert_id": str(concert.pk),
        "seat_ids": [],
    }


def staff(*, role: str) -> dict[str, str]:
    """Return the cookie of a login of a new member of a group."""
    user = factories.make_user(is_staff=True, email=f"{role}-{uuid7().hex}@example.com")
    user.groups.set(Group.objects.filter(name=role))
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    assert session.session_key
    return {"name": settings.SESSION_COOKIE_NAME, "value": session.session_key}


def tickets(*, performance_id: str, count: int) -> list[dict[str, str]]:
    """Return the codes and QR texts of tickets for the first seats, sold to as many as it takes.

    They are paid for: the site's audit looks at them too.
    """
    performance = Performance.objects.get(pk=performance_id)
    seats = factories.seat_ids(performance)[:count]
    for first in range(0, count, SEATS_AT_ONCE):
        fan = factories.make_user()
        give_points(fan, 10_000_000)
        begin(fan, hold(fan, performance, seat_ids=seats[first : first + SEATS_AT_ONCE]).id)
    rows = Ticket.objects.filter(performance=performance).select_related("performance")
    return [{"code": row.code, "qr": qr_payload(row)} for row in rows.order_by("seat__index")]


def door_key() -> str:
    """Return an API key of the door."""
    return make_key()


COMMANDS = {
    "tickets": tickets,
    "door_key": door_key,
    "sale": sale,
    "room": room,
    "fans": fans,
    "password": password,
    "login": login,
    "staff": staff,
    "draft": draft,
}

for line in sys.stdin:
    wanted = json.loads(line)
    done = COMMANDS[wanted.pop("do")](**wanted)
    for connection in connections.all():  # tests stop servers: nothing is kept open
        connection.close()
        connection.close_pool()
    print(json.dumps(done), flush=True)  # noqa: T201
