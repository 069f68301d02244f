"""Where files are stored, and by which address browsers get the public ones.

A file of media is named by what is in it and never changes, so its address holds for ever.
"""

import os
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from kernel import env, storage_places

STORAGE_URL = env.string(
    "STORAGE_URL",
    default="file://var/storage",
    help="Where posters, staff's reports and imported layout files lie: file://FOLDER, or "
    "s3://bucket/prefix with keys, region and endpoint by AWS's names.",
)
MEDIA_URL = env.string(
    "MEDIA_URL",
    default="/media/",
    help="Where browsers get uploaded pictures: /media/, or https://media.example/ that leads to "
    "the same files. It ends with a slash.",
)
try:
    STORED = storage_places.read(
        STORAGE_URL, media_url=MEDIA_URL, region=os.environ.get("AWS_REGION")
    )
except ValueError as _error:
    raise ImproperlyConfigured(str(_error)) from None
MEDIA_ROOT = storage_places.media_folder(STORAGE_URL)

_address = urlsplit(MEDIA_URL)
if not MEDIA_URL.endswith("/") or not (
    MEDIA_URL == "/media/" or (_address.scheme in ("http", "https") and _address.netloc)
):
    raise ImproperlyConfigured(
        f"MEDIA_URL: {MEDIA_URL!r} is neither /media/ nor an http(s) URL that ends with a slash"
    )
# What a page's policy must let in beyond the site itself.
MEDIA_ORIGINS = [f"{_address.scheme}://{_address.netloc}"] if _address.netloc else []
