"""The JSON documents of the catalogue, in the active language."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from django.conf import settings

from catalogue import outline
from catalogue.queries import PerformanceSummary
from catalogue.sale_state import concert_sale_state
from catalogue.seat_plans import PlannedSeat, SeatPlan
from concerts.models import Concert, Performance, Poster, Seat, Section
from kernel import clock
from kernel.i18n import localized
from reservations.availability import NAMES
from reservations.queries import Availability


def encode(document: dict[str, Any]) -> bytes:
    """Return a document as UTF-8 JSON without needless spaces."""
    return _json(document)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def page(
    results: list[dict[str, Any]], *, following: str | None, preceding: str | None
) -> dict[str, Any]:
    """Return the contract's form of a list."""
    return {"results": results, "next": following, "previous": preceding}


def concert_entry(row: Concert, performances: Sequence[PerformanceSummary]) -> dict[str, Any]:
    """Return a concert as the list shows it; `performances` by start."""
    picture = poster(row.poster, site=settings.FRONTROW_URL)
    return {
        "id": row.pk,
        "title": localized(row, "title"),
        "artist": localized(row, "artist"),
        "venue": _venue(row),
        "poster_url": picture["url"] if picture else None,
        "poster": picture,
        "first_performance_at": performances[0].row.starts_at if performances else None,
        "last_performance_at": performances[-1].row.starts_at if performances else None,
        "sale_state": concert_sale_state(p.sale_state for p in performances),
        "price_range": _price_range(performances),
    }


def concert_page(row: Concert, performances: Sequence[PerformanceSummary]) -> dict[str, Any]:
    """Return a concert as its own page shows it."""
    return concert_entry(row, performances) | {
        "description": localized(row, "description"),
        "age_rating": row.age_rating,
        "running_minutes": row.running_minutes,
        "notices": localized(row, "notices"),
        "refund_policy": localized(row, "refund_policy"),
    }


def poster(row: Poster | None, *, site: str) -> dict[str, Any] | None:
    """Return a poster: its widest file, and all of them; None where there is none.

    `site` stands before addresses of the site itself: its URL, or nothing for pages of its own.
    """
    if row is None:
        return None
    media = settings.MEDIA_URL
    start = site + media if media.startswith("/") else media
    sources = [{"url": start + row.name_of(width), "width": width} for width in row.widths]
    return {
        "url": sources[-1]["url"],
        "width": row.width,
        "height": row.height,
        "sources": sources,
    }


def performance_entry(summary: PerformanceSummary) -> dict[str, Any]:
    """Return a performance; the times and limits are null until its sale is prepared."""
    row, policy, queue = summary.row, summary.policy, summary.queue
    return {
        "id": row.pk,
        "concert_id": row.concert_id,
        **{name: getattr(row, name) for name in Performance.PUBLIC_FIELDS},
        "timezone": row.concert.venue.timezone,
        "queue_opens_at": queue.queue_opens_at if queue else None,
        "sale_opens_at": policy.sale_opens_at if policy else None,
        "sale_closes_at": policy.sale_closes_at if policy else None,
        "sale_state": summary.sale_state,
        "queue_required": queue is not None,
        "hold_seconds": policy.hold_seconds if policy else None,
        "max_seats_per_fan": policy.max_seats_per_fan if policy else None,
        "grades": [
            {
                "code": grade.row.code,
                "name": localized(grade.row, "name"),
                "price": grade.row.money.as_json(),
                "seats_available": grade.seats_available,
            }
            for grade in summary.grades
        ],
        "seats_total": summary.seats_total,
        "seats_available": summary.seats_available,
    }


def seat_map(plan: SeatPlan) -> dict[str, Any]:
    """Return the static seat map."""
    by_section = _seats_by_section(plan)
    return {
        "layout_version": plan.performance.layout_version,
        "sections": [
            _section(section, by_section[section.pk])
            | {
                "rows": [
                    {"label": label, "seats": [_seat(seat) for seat in seats]}
                    for label, seats in groupby(by_section[section.pk], key=lambda s: s.row)
                ],
            }
            for section in plan.sections
        ],
    }


def begins_with_section(body: bytes, code: str) -> bool:
    """Say whether the first section of an encoded seat map is spelled like this to the letter."""
    return body.partition(b'"code":')[2].startswith(_json(code))


def seat_map_outline(plan: SeatPlan) -> dict[str, Any]:
    """Return the stage and the sections as shapes, without a seat; `bounds` are around all."""
    by_section, half = _seats_by_section(plan), outline.half_width(plan.seats)
    sections = [
        _section(section, by_section[section.pk])
        | {
            "seats": len(by_section[section.pk]),
            "outline": section.outline or outline.outline_of(by_section[section.pk], half),
        }
        for section in plan.sections
    ]
    stage = plan.performance.stage_outline
    points = [*(stage or ()), *(point for section in sections for point in section["outline"])]
    return {
        "layout_version": plan.performance.layout_version,
        "bounds": _bounds(points) if points else None,
        "stage": stage,
        "sections": sections,
    }


def _seats_by_section(plan: SeatPlan) -> dict[Any, list[PlannedSeat]]:
    by_section: dict[Any, list[PlannedSeat]] = {section.pk: [] for section in plan.sections}
    for seat in plan.seats:
        by_section[seat.section_id].append(seat)
    return by_section


def _section(section: Section, seats: Sequence[PlannedSeat]) -> dict[str, Any]:
    has_focal = section.focal_x is not None and section.focal_y is not None
    return {
        "code": section.code,
        "name": localized(section, "name"),
        "grade": section.grade.code,
        "price": section.grade.money.as_json(),
        "first_index": seats[0].index if seats else None,
        "focal": {"x": section.focal_x, "y": section.focal_y} if has_focal else None,
    }


def _bounds(points: Sequence[outline.Point]) -> dict[str, float]:
    across, down = zip(*points, strict=True)
    return {"min_x": min(across), "min_y": min(down), "max_x": max(across), "max_y": max(down)}


def availability(found: Availability, stream_url: str | None = None) -> dict[str, Any]:
    """Return the state of every seat, a letter each in index order."""
    return {
        "layout_version": found.layout_version,
        "as_of": found.as_of,
        "counts": found.counts,
        "statuses": found.statuses,
        "stream_url": stream_url,
    }


def seat_entries(seats: Iterable[Seat], found: Availability) -> list[dict[str, Any]]:
    """Return seats with their status, for clients that want no map."""
    return seat_states(seats, found.statuses)


def seat_states(seats: Iterable[Seat], statuses: str) -> list[dict[str, Any]]:
    """Return seats with their status by the letters of an availability."""
    return [
        {
            "id": seat.id,
            "section": seat.section.code,
            "row": seat.row,
            "number": seat.number,
            "index": seat.index,
            "x": seat.x,
            "y": seat.y,
            "accessible": seat.accessible,
            "grade": seat.section.grade.code,
            "price": seat.section.grade.money.as_json(),
            "status": NAMES[statuses[seat.index]],
        }
        for seat in seats
    ]


def _venue(row: Concert) -> dict[str, Any]:
    return {
        "name": localized(row.venue, "name"),
        "address": localized(row.venue, "address"),
        "timezone": row.venue.timezone,
    }


def _price_range(performances: Sequence[PerformanceSummary]) -> dict[str, Any] | None:
    prices = [grade.row.money for p in performances for grade in p.grades]
    if not prices:
        return None
    lowest, highest = (choose(prices, key=lambda m: m.amount) for choose in (min, max))
    return {"min": lowest.as_json(), "max": highest.as_json()}


def _seat(seat: PlannedSeat) -> dict[str, Any]:
    return {
        "id": seat.id,
        "number": seat.number,
        "index": seat.index,
        "x": seat.x,
        "y": seat.y,
        "accessible": seat.accessible,
    }


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return clock.as_text(value)
    return str(value)
