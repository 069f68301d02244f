"""The logins and the seller of the demo; only local and test settings have them."""

from config.settings.pages import SELLER
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
_DEMO_SELLER = {
    "name": "Frontrow Demo",
    "representative": "Frontrow",
    "business_number": "000-00-00000",
    "mail_order_number": "0000-0000-00000",
    "address": "127.0.0.1",
    "phone": "000-000-0000",
    "email": "help@example.com",
}
SELLER = {name: SELLER[name] or shown for name, shown in _DEMO_SELLER.items()}
