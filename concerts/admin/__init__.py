"""Staff screens: venues, concerts and their evenings, seats and prices."""

from concerts.admin.programme import ConcertAdmin, PerformanceAdmin, VenueAdmin
from concerts.admin.seats import PriceGradeAdmin, SeatAdmin, SectionAdmin
from concerts.admin.stale import StaleDocumentAdmin

__all__ = [
    "ConcertAdmin",
    "PerformanceAdmin",
    "PriceGradeAdmin",
    "SeatAdmin",
    "SectionAdmin",
    "StaleDocumentAdmin",
    "VenueAdmin",
]
