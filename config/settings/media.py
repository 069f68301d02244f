"""Where uploaded pictures lie, and by which address browsers get them.

A file of media is named by what is in it and never changes, so its address holds for ever.
"""

from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from kernel import env

MEDIA_ROOT = Path(
    env.string(
        "MEDIA_ROOT",
        default=str(Path("var") / "media"),
        help="The folder of uploaded pictures, where they lie in files.",
    )
)
MEDIA_URL = env.string(
    "MEDIA_URL",
    default="/media/",
    help="Where browsers get uploaded pictures: /media/, or https://media.example/ that leads to "
    "the same files. It ends with a slash.",
)
_FILES = "django.core.files.storage.FileSystemStorage"
MEDIA_STORAGE = env.string(
    "MEDIA_STORAGE",
    default=_FILES,
    help="The storage of uploaded pictures, a class for Django's STORAGES such as "
    "storages.backends.s3.S3Storage (which the image then has to have).",
)
MEDIA_STORAGE_OPTIONS = env.json_object(
    "MEDIA_STORAGE_OPTIONS",
    default={},
    secret=True,
    help="The options of MEDIA_STORAGE.",
)
if MEDIA_STORAGE == _FILES:
    MEDIA_STORAGE_OPTIONS = {"allow_overwrite": True, **MEDIA_STORAGE_OPTIONS}

_address = urlsplit(MEDIA_URL)
if not MEDIA_URL.endswith("/") or not (
    MEDIA_URL == "/media/" or (_address.scheme in ("http", "https") and _address.netloc)
):
    raise ImproperlyConfigured(
        f"MEDIA_URL: {MEDIA_URL!r} is neither /media/ nor an http(s) URL that ends with a slash"
    )
# What a page's policy must let in beyond the site itself.
MEDIA_ORIGINS = [f"{_address.scheme}://{_address.netloc}"] if _address.netloc else []
