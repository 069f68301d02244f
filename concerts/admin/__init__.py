"""Staff screens: venues, concerts and their performances, seats and prices."""

from concerts.admin.poster_views import PosterAdmin
from concerts.admin.programme import ConcertAdmin, PerformanceAdmin, VenueAdmin
from concerts.admin.seats import PriceGradeAdmin, SeatAdmin, SectionAdmin
from concerts.admin.stale import StaleDocumentAdmin
from concerts.admin.upload_views import LayoutUploadAdmin, LayoutUploadPartAdmin

__all__ = [
    "ConcertAdmin",
    "LayoutUploadAdmin",
    "LayoutUploadPartAdmin",
    "PerformanceAdmin",
    "PosterAdmin",
    "PriceGradeAdmin",
    "SeatAdmin",
    "SectionAdmin",
    "StaleDocumentAdmin",
    "VenueAdmin",
]
