"""Examples for the OpenAPI explorer."""

from drf_spectacular.utils import OpenApiExample

_WON = {"amount": 165000, "currency": "KRW"}
_PICTURES = "https://tickets.example/media/posters/6f1c0a2b3d4e5f60718293a4b5c6d7e8"
_ENTRY = {
    "id": "019aa2f0-0000-7000-8000-000000000001",
    "title": "Autumn Night",
    "artist": "The Band",
    "venue": {"name": "Jamsil Arena", "address": "25 Olympic-ro, Seoul", "timezone": "Asia/Seoul"},
    "poster_url": f"{_PICTURES}-1280.webp",
    "poster": {
        "url": f"{_PICTURES}-1280.webp",
        "width": 1280,
        "height": 1810,
        "sources": [
            {"url": f"{_PICTURES}-{width}.webp", "width": width} for width in (320, 640, 1280)
        ],
    },
    "first_performance_at": "2027-01-16T10:00:00.000Z",
    "last_performance_at": "2027-01-17T10:00:00.000Z",
    "sale_state": "ON_SALE",
    "price_range": {"min": {"amount": 99000, "currency": "KRW"}, "max": _WON},
}
_PERFORMANCE = {
    "id": "019aa2f0-0000-7000-8000-000000000101",
    "concert_id": _ENTRY["id"],
    "starts_at": "2027-01-16T10:00:00.000Z",
    "doors_open_at": "2027-01-16T09:00:00.000Z",
    "timezone": "Asia/Seoul",
    "queue_opens_at": "2026-12-01T10:30:00.000Z",
    "sale_opens_at": "2026-12-01T11:00:00.000Z",
    "sale_closes_at": "2027-01-16T09:00:00.000Z",
    "sale_state": "ON_SALE",
    "queue_required": True,
    "hold_seconds": 300,
    "max_seats_per_fan": 4,
    "grades": [{"code": "VIP", "name": "VIP", "price": _WON, "seats_available": 412}],
    "seats_total": 5000,
    "seats_available": 412,
}
_CHAIR = {
    "id": "019aa2f0-0000-7000-8000-000000001001",
    "number": "1",
    "index": 0,
    "x": 0.0,
    "y": 0.0,
    "accessible": False,
}


def _response(value: object) -> OpenApiExample:
    return OpenApiExample("answer", value, response_only=True, status_codes=["200"])


def _page(entry: object) -> OpenApiExample:
    return _response({"results": [entry], "next": None, "previous": None})


CONCERTS = _page(_ENTRY)
CONCERT = _response(
    _ENTRY
    | {
        "description": "Two evenings in January.",
        "age_rating": "12+",
        "running_minutes": 120,
        "notices": "No photographs.",
        "refund_policy": "Free until seven days before.",
    }
)
PERFORMANCES = _page(_PERFORMANCE)
PERFORMANCE = _response(_PERFORMANCE)
_SECTION = {
    "code": "A",
    "name": "Floor A",
    "grade": "VIP",
    "price": _WON,
    "first_index": 0,
    "focal": {"x": 12.0, "y": 0.0},
}
SEAT_MAP = _response(
    {
        "layout_version": 1,
        "sections": [_SECTION | {"rows": [{"label": "1", "seats": [_CHAIR]}]}],
    }
)
OUTLINE = _response(
    {
        "layout_version": 1,
        "bounds": {"min_x": 0.0, "min_y": 0.5, "max_x": 24.0, "max_y": 12.5},
        "stage": None,
        "sections": [
            _SECTION
            | {"seats": 240, "outline": [[0.0, 0.5], [24.0, 0.5], [24.0, 12.5], [0.0, 12.5]]}
        ],
    }
)
AVAILABILITY = _response(
    {
        "layout_version": 1,
        "as_of": "2026-12-01T11:00:05.120Z",
        "counts": {"available": 2, "temporarily_reserved": 1, "reserved": 1, "blocked": 0},
        "statuses": "ATRA",
        "stream_url": None,
    }
)
SEATS = _page(
    _CHAIR | {"section": "A", "row": "1", "grade": "VIP", "price": _WON, "status": "AVAILABLE"}
)
