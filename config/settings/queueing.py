"""The settings of waiting rooms: the service that detects machines, and the beacon of draws."""

from kernel import env

CHALLENGE_SERVICE_URL = env.url(
    "CHALLENGE_SERVICE_URL",
    schemes=("http", "https"),
    default="https://challenges.cloudflare.com/turnstile/v0/siteverify",
    help="Where answers to challenges are verified (Turnstile's protocol).",
)
CHALLENGE_SERVICE_SECRET = env.string(
    "CHALLENGE_SERVICE_SECRET", default="", secret=True, help="Our secret at that service."
)
CHALLENGE_SERVICE_SITE_KEY = env.string(
    "CHALLENGE_SERVICE_SITE_KEY", default="", help="Our public key, shown to clients."
)
CHALLENGE_SERVICE_SCRIPT = env.url(
    "CHALLENGE_SERVICE_SCRIPT",
    schemes=("http", "https"),
    default="https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit",
    help="The script of its widget, which the waiting room's page loads where there is a key.",
)
CHALLENGE_SERVICE_FAIL_OPEN = env.boolean(
    "CHALLENGE_SERVICE_FAIL_OPEN",
    default=False,
    help="Whether joins pass while the service does not answer.",
)
CHALLENGE_SERVICE_SECONDS = 2.0
# An API host whose clock is further ahead than this is not trusted: the queue server's own clock
# counts then, so that nobody's session ends early.
QUEUE_CLOCK_SKEW_MS = env.integer(
    "QUEUE_CLOCK_SKEW_MS",
    default=2000,
    maximum=60_000,
    help="How far from a Redis server's clock a host's may be where it counts, in milliseconds.",
)
# Rounds that staff have announced are fetched there (Note [Beacons] in queueing/beacons.py).
DRAND_URL = env.url(
    "DRAND_URL",
    schemes=("http", "https"),
    default="https://api.drand.sh/"
    "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/public/",
    help="Where drand's rounds are fetched: the quicknet chain at any of its servers.",
)
DRAND_SECONDS = 5.0
# What a pod bears at an opening, as docs/capacity.md says and a test compares (Note [Wanted by the
# calendar] in queueing/wanted_pods.py): a pod of the API of 2 cores, one of fastpath of one core
# for those who wait, each used to 60 %.
API_POD_FANS_PER_SECOND = env.integer(
    "API_POD_FANS_PER_SECOND",
    default=330,
    minimum=1,
    maximum=1_000_000,
    help="Fans that may come in a second to one pod of the API, each with a join and a page.",
)
FASTPATH_POD_JOINS_PER_SECOND = env.integer(
    "FASTPATH_POD_JOINS_PER_SECOND",
    default=2200,
    minimum=1,
    maximum=1_000_000,
    help="Joins a second that one pod of fastpath bears.",
)
