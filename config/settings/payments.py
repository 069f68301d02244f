"""The settings of payments: the URLs that fans may return to."""

from kernel import env

RETURN_URLS_ALLOWED = frozenset(
    place.lower().rstrip("/")
    for place in env.words(
        "RETURN_URLS_ALLOWED",
        default=[],
        help="Origins (https://shop.example) and app schemes (example-app:) that a return_url "
        "may lead to; FRONTROW_URL always may.",
    )
)
