"""The setting of the live streams."""

from kernel import env

STREAM_HEALTH_URL = env.url(
    "STREAM_HEALTH_URL",
    schemes=("http", "https"),
    default="",
    help="The health document of the live streams (/healthz/ready); none: there are none.",
    shown_default="none",
)
