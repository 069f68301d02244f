"""The logins of the demo data; only local and test settings have them."""

from kernel import env

DEMO_PASSWORD = env.string(
    "FRONTROW_DEMO_PASSWORD",
    default="frontrow-demo-1",
    secret=True,
    help="Password of the demo fans and the demo staff.",
)
DEMO_ADMIN_EMAIL = env.string(
    "DEMO_ADMIN_EMAIL", default="admin@example.com", help="Login of the demo administrator."
)
DEMO_ADMIN_PASSWORD = env.string(
    "DEMO_ADMIN_PASSWORD",
    default="frontrow-demo-1",
    secret=True,
    help="Password of the demo administrator.",
)
