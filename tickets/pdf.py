"""A ticket as a page to print: what it is for, its code and its QR code, in one language."""

from collections.abc import Sequence
from io import BytesIO
from zoneinfo import ZoneInfo

import segno
from reportlab.lib.pagesizes import A5
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from kernel.i18n import is_korean, localized, text
from tickets import codes
from tickets.models import Ticket
from tickets.queries import TicketDetail

# What Latin letters say, the code above all, is in a font that every reader has. Korean is in one
# of Adobe's standard fonts, which readers have or show by a Korean font of the system.
_LATIN, _KOREAN = "Helvetica", "HYGothic-Medium"
_WIDTH, _HEIGHT = A5  # points
_MARGIN = 40.0
_QR_SIDE = 220.0
_QUIET = 4  # modules around the code, as ISO 18004 asks
_MOST_LINES = 3  # of one text
_VOID = text(en="This ticket is void.", ko="무효 처리된 티켓입니다.")
_HINT = text(
    en="Show this code at the door. It admits once; show it to nobody else.",
    ko="입장 시 이 코드를 제시해 주세요. 한 번만 사용할 수 있으니 다른 사람에게 보여 주지 마세요.",
)

pdfmetrics.registerFont(UnicodeCIDFont(_KOREAN))


def page_of(ticket: TicketDetail) -> bytes:
    """Return the ticket as a PDF of one page, in the active language; a void one without QR."""
    return pages_of([ticket])


def pages_of(tickets: Sequence[TicketDetail]) -> bytes:
    """Return tickets of one reservation as a PDF, a page for each, as `page_of` makes them."""
    written = BytesIO()
    canvas = Canvas(written, pagesize=A5, invariant=True, lang="ko" if is_korean() else "en")
    codes_of_all = " ".join(ticket.code for ticket in tickets)
    canvas.setTitle(f"{_title(tickets[0])} {codes_of_all}")
    for ticket in tickets:
        _draw_page(canvas, ticket)
    canvas.save()
    return written.getvalue()


def _draw_page(canvas: Canvas, ticket: TicketDetail) -> None:
    below = _HEIGHT - _MARGIN
    for size, line in _lines(ticket):
        font = _font_of(line)
        for part in simpleSplit(line, font, size, _WIDTH - 2 * _MARGIN)[:_MOST_LINES]:
            below -= size * 1.35
            canvas.setFont(font, size)
            canvas.drawString(_MARGIN, below, part)
        below -= size * 0.4
    if ticket.status != Ticket.Status.VOID:
        _draw_qr(canvas, ticket.qr)
    canvas.showPage()


def _font_of(line: str) -> str:
    try:
        line.encode("latin-1")
    except UnicodeEncodeError:
        return _KOREAN
    return _LATIN


def _title(ticket: TicketDetail) -> str:
    return localized(ticket.performance.concert, "title")


def _lines(ticket: TicketDetail) -> list[tuple[int, str]]:
    """Return the lines of a page with their size in points."""
    venue, seat = ticket.performance.concert.venue, ticket.seat
    starts = ticket.performance.starts_at.astimezone(ZoneInfo(venue.timezone))
    place = (
        f"{seat.section}구역 {seat.row}열 {seat.number}번"
        if is_korean()
        else f"Section {seat.section}, row {seat.row}, seat {seat.number}"
    )
    return [
        (20, _title(ticket)),
        (13, f"{starts:%Y-%m-%d %H:%M} ({venue.timezone})"),
        (13, localized(venue, "name")),
        (16, place),
        (16, codes.spoken(ticket.code)),
        (9, str(_VOID if ticket.status == Ticket.Status.VOID else _HINT)),
    ]


def _draw_qr(canvas: Canvas, payload: str) -> None:
    """Draw the QR code at the foot of the page, its rows as lines of squares."""
    rows = segno.make_qr(payload, error="m", boost_error=False).matrix
    module = _QR_SIDE / (len(rows) + 2 * _QUIET)
    left = (_WIDTH - _QR_SIDE) / 2 + _QUIET * module
    top = _MARGIN + _QR_SIDE - _QUIET * module
    for y, row in enumerate(rows):
        start = 0
        for x in range(1, len(row) + 1):
            if x == len(row) or bool(row[x]) != bool(row[start]):
                if row[start]:
                    canvas.rect(
                        left + start * module,
                        top - (y + 1) * module,
                        (x - start) * module,
                        module,
                        stroke=0,
                        fill=1,
                    )
                start = x
