"""What the measured pages show: run with a stack's environment, it prints one JSON object."""

import json
import sys

import django

django.setup()

from bench.fixtures import make_hall, open_room, seat_ids  # noqa: E402  (needs the set-up)
from concerts.models import PriceGrade, Section  # noqa: E402


def main() -> None:
    """Make a hall of 5,000 seats with a waiting room, and the largest hall."""
    small = make_hall(5_000, row_length=25, rows_per_section=10, abreast=5)
    large = make_hall(int(sys.argv[1]), abreast=10)
    room = make_hall(100)
    open_room(room, rate_per_second=1, capacity=1)
    for hall in (small, large, room):
        PriceGrade.objects.filter(performance=hall).update(name_ko="R석", name_en="R")
        Section.objects.filter(performance=hall).update(name_en="")
    print(
        json.dumps(
            {
                "concert": str(small.concert_id),
                "small": str(small.pk),
                "large": str(large.pk),
                "room": str(room.pk),
                "seats": [str(seat) for seat in seat_ids(small)[:250]],
            }
        )
    )


main()
