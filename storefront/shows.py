"""What pages show of concerts and performances, made of the catalogue's documents."""

import json
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from catalogue import documents
from catalogue.queries import PerformanceSummary
from catalogue.sale_state import SaleState
from concerts.models import Concert
from kernel import clock
from kernel.i18n import localized, text
from kernel.money import Money
from kernel.text.written import decimal_text
from payments.fees import FeeTable

STATE_NAMES = {
    SaleState.SCHEDULED: text(en="Not open yet", ko="오픈 예정"),
    SaleState.PRESALE_QUEUE: text(en="Waiting room open", ko="대기열 참여 중"),
    SaleState.ON_SALE: text(en="On sale", ko="판매 중"),
    SaleState.PAUSED: text(en="Paused", ko="일시 중지"),
    SaleState.SOLD_OUT: text(en="Sold out", ko="매진"),
    SaleState.CLOSED: text(en="Sale over", ko="판매 종료"),
    SaleState.POSTPONED: text(en="Postponed", ko="연기"),
    SaleState.CANCELLED: text(en="Cancelled", ko="취소"),
}
# schema.org's words for what is offered, and for what becomes of an event.
_AVAILABILITY = {
    SaleState.ON_SALE: "InStock",
    SaleState.SOLD_OUT: "SoldOut",
    SaleState.SCHEDULED: "PreOrder",
    SaleState.PRESALE_QUEUE: "PreOrder",
}
_EVENT_STATUS = {
    SaleState.POSTPONED: "EventPostponed",
    SaleState.CANCELLED: "EventCancelled",
}
_UNSAFE = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


def performance_facts(summary: PerformanceSummary) -> dict[str, Any]:
    """Return the API's document of a performance with what its concert is called."""
    concert = summary.row.concert
    return documents.performance_entry(summary) | {
        "title": localized(concert, "title"),
        "artist": localized(concert, "artist"),
        "venue": localized(concert.venue, "name"),
        "poster": documents.poster(concert.poster, site=""),
        "state_name": str(STATE_NAMES[summary.sale_state]),
        "url": reverse("storefront:performance", args=[summary.row.pk]),
        "concert_url": reverse("storefront:concert", args=[concert.pk]),
    }


def concert_facts(row: Concert, performances: list[PerformanceSummary]) -> dict[str, Any]:
    """Return the API's document of a concert, with its address and the name of its state."""
    shown = documents.concert_page(row, performances)
    return shown | {
        "poster": documents.poster(row.poster, site=""),
        "picture": shown["poster"],  # for those who read the page elsewhere
        "state_name": str(STATE_NAMES[shown["sale_state"]]),
        "url": reverse("storefront:concert", args=[row.pk]),
    }


def fee_lines(table: FeeTable, *, currency: str) -> list[dict[str, Any]]:
    """Return the lines of a fee table: `hours`, and `fee` as Money, or None and `percent`."""
    return [
        {
            "hours": line.hours,
            "fee": Money(line.amount, currency) if line.amount else None,
            "percent": line.percent,
        }
        for line in table.fees
    ]


def next_step(summary: PerformanceSummary) -> dict[str, Any] | None:
    """Return the one button that is right in a performance's state; None where there is none."""
    key = [summary.row.pk]
    room = {
        "url": reverse("storefront:queue", args=key),
        "label": text(en="Enter the waiting room", ko="대기열 참여"),
    }
    if summary.sale_state is SaleState.PRESALE_QUEUE:
        return room
    if summary.sale_state is SaleState.ON_SALE:
        seats = {
            "url": reverse("storefront:seats", args=key),
            "label": text(en="Choose seats", ko="좌석 선택"),
        }
        return room if summary.queue is not None else seats
    if summary.sale_state is SaleState.PAUSED and summary.queue is not None:
        return room  # places are kept there
    if summary.sale_state in (SaleState.SCHEDULED, SaleState.PAUSED):
        return None
    return {
        "url": reverse("storefront:concert", args=[summary.row.concert_id]),
        "label": text(en="See other dates", ko="다른 회차 보기"),
    }


def opens_at(summary: PerformanceSummary) -> Any:
    """Return the moment that a fan waits for: the waiting room's opening, else the sale's."""
    if summary.sale_state is SaleState.SCHEDULED:
        queue = summary.queue
        if queue is not None and summary.policy is not None:
            return queue.queue_opens_at
        return summary.policy.sale_opens_at if summary.policy else None
    if summary.sale_state is SaleState.PRESALE_QUEUE and summary.policy is not None:
        return summary.policy.sale_opens_at
    return None


def events_script(concert: Concert, performances: list[PerformanceSummary]) -> SafeString:
    """Return the schema.org Events of a concert's performances, for search engines."""
    venue = concert.venue
    picture = documents.poster(concert.poster, site=settings.FRONTROW_URL)
    pictures = {"image": [source["url"] for source in picture["sources"]]} if picture else {}
    events = [
        {
            "@context": "https://schema.org",
            "@type": "MusicEvent",
            "name": localized(concert, "title"),
            "startDate": clock.as_text(one.row.starts_at),
            "eventStatus": "https://schema.org/"
            + _EVENT_STATUS.get(one.sale_state, "EventScheduled"),
            "location": {
                "@type": "Place",
                "name": localized(venue, "name"),
                "address": localized(venue, "address"),
            },
            "performer": {"@type": "MusicGroup", "name": localized(concert, "artist")},
            "offers": [_offer(one, grade) for grade in one.grades],
            **pictures,
        }
        for one in performances
    ]
    body = json.dumps(events, ensure_ascii=False).translate(_UNSAFE)
    return format_html(
        '<script type="application/ld+json">{}</script>',
        mark_safe(body),  # noqa: S308  (what could end the element is escaped)
    )


def _offer(summary: PerformanceSummary, grade: Any) -> dict[str, Any]:
    money = grade.row.money
    path = reverse("storefront:performance", args=[summary.row.pk])
    return {
        "@type": "Offer",
        "name": localized(grade.row, "name"),
        "price": decimal_text(money.amount, money.currency),
        "priceCurrency": money.currency,
        "availability": "https://schema.org/" + _AVAILABILITY.get(summary.sale_state, "OutOfStock"),
        "url": settings.FRONTROW_URL + path,
    }
