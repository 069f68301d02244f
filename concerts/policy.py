"""Bounds of what staff may ask for."""

from datetime import timedelta

# A layout file up to this size (some 8,000 seats) is read by the request that brings it, in a
# fraction of a second; a larger one by a worker (Note [Large layout files], usecases/uploads.py).
READ_AT_ONCE_BYTES = 256 * 1024
PART_BYTES = 1024 * 1024  # of an upload in one row: a request never holds all of it
UPLOADS_WAITING = 10  # files of 32 MiB at most that lie in PostgreSQL
UPLOAD_LEASE = timedelta(minutes=5)  # a worker that shows no progress for so long is gone
UPLOAD_RETRIES = 2
UPLOADS_KEPT = timedelta(days=7)  # what came of them; the files go at once

REFUND_DAYS = 30  # of the refund window of a postponed performance
REFUND_DAYS_BOUNDS = (1, 366)

# A poster (Note [Posters are drawn again], poster_files.py).
POSTER_BYTES = 10_000_000
POSTER_PIXELS = 50_000_000
POSTER_WIDTHS = (320, 640, 1280)  # of its files, in pixels; none is wider than the picture
POSTER_SIDES = 4  # how many times longer one side may be than the other
POSTER_QUALITY = 80
POSTERS_KEPT = timedelta(days=30)  # the files of one that no concert has; pages in caches do
