"""The Content-Security-Policy: what browsers may do with our pages.

Pages load what the site itself serves and run no script that stands in them. JSON answers get none
here, so that the busiest routes need not make it: the gateway adds one (Note [Every answer's
policy] in stack/gateway/nginx.conf.template).
"""

from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from config.settings.media import MEDIA_ORIGINS
from config.settings.payments import PAYMENT_GATEWAY, PAYMENT_GATEWAY_URL
from config.settings.queueing import CHALLENGE_SERVICE_SCRIPT
from kernel import env

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", *MEDIA_ORIGINS],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
# What pages need beyond it, by the start of their address. Swagger UI and ReDoc write styles into
# the page; ReDoc also compiles its search and runs it as a worker.
_STYLED = {"style-src": [SELF, "'unsafe-inline'"]}
_REDOC = {**_STYLED, "script-src": [SELF, "'unsafe-eval'"], "worker-src": [SELF, "blob:"]}
# The gateway's script opens the gateway's own pages. No other page may load it.
TOSS_SCRIPT = "https://js.tosspayments.com/v2/standard"
_TOSS = "https://*.tosspayments.com"
_BRIDGE = {
    "script-src": [SELF, "https://js.tosspayments.com"],
    "connect-src": [SELF, _TOSS],
    "frame-src": [_TOSS],
    "form-action": [SELF, _TOSS],
    "img-src": [SELF, "data:", _TOSS],
    "style-src": [SELF, "'unsafe-inline'"],  # the script writes styles for its frame
}
CSP_OF_PAGES = {
    "/payments/bridge/": _BRIDGE,
    "/api/docs/": _STYLED,
    "/api/redoc/": _REDOC,
    "/_allauth/openapi.html": _REDOC,
    "/docs/errors": _STYLED,
}

# Fans' pages: only what is listed, and no script may turn a text into one. Chromium holds the
# redirect after a form to `form-action` too: that of "pay" leads to the checkout page.
_gateway = urlsplit(PAYMENT_GATEWAY_URL)
_CHECKOUT = [f"{_gateway.scheme}://{_gateway.netloc}"] if PAYMENT_GATEWAY == "sandbox" else []
CSP_OF_FANS_PAGES = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "worker-src": [SELF],
    "manifest-src": [SELF],
    "connect-src": [SELF],
    "img-src": [SELF, "data:", *MEDIA_ORIGINS],
    "base-uri": [NONE],
    "object-src": [NONE],
    "form-action": [SELF, *_CHECKOUT],
    "frame-ancestors": [NONE],
    "require-trusted-types-for": ["'script'"],
    # lit's, and ours of the address of our own worker.
    "trusted-types": ["lit-html", "frontrow"],
}
# A service that checks fans in the waiting room shows its widget there, and on no other page. Its
# script turns texts into scripts by its own rules, which ours would stop.
_challenge = urlsplit(CHALLENGE_SERVICE_SCRIPT)
_CHALLENGE = f"{_challenge.scheme}://{_challenge.netloc}"
CSP_OF_CHALLENGES = {
    "script-src": [SELF, _CHALLENGE],
    "frame-src": [_CHALLENGE],
    "require-trusted-types-for": None,
    "trusted-types": None,
}
PERMISSIONS_POLICY = ", ".join(
    [
        *(
            f"{feature}=()"
            for feature in (
                "accelerometer",
                "browsing-topics",
                "camera",
                "display-capture",
                "geolocation",
                "gyroscope",
                "magnetometer",
                "microphone",
                "midi",
                "payment",
                "serial",
                "usb",
            )
        ),
        "fullscreen=(self)",
        "screen-wake-lock=(self)",
    ]
)
# The page on which tickets are scanned has the camera, and where a browser cannot read QR codes by
# itself, a reader in WebAssembly. No other page has either.
CSP_OF_SCANNING = {"script-src": [SELF, "'wasm-unsafe-eval'"]}
PERMISSIONS_OF_SCANNING = PERMISSIONS_POLICY.replace("camera=()", "camera=(self)")

# What the law asks a shop to say on every page; an empty one is left out.
SELLER = {
    "name": env.string("SELLER_NAME", default="", help="The seller, as pages name it."),
    "representative": env.string(
        "SELLER_REPRESENTATIVE", default="", help="The seller's representative."
    ),
    "business_number": env.string(
        "SELLER_BUSINESS_NUMBER", default="", help="The seller's business registration number."
    ),
    "mail_order_number": env.string(
        "SELLER_MAIL_ORDER_NUMBER", default="", help="The seller's mail-order registration number."
    ),
    "address": env.string("SELLER_ADDRESS", default="", help="Where the seller is."),
    "phone": env.string("SELLER_PHONE", default="", help="The telephone number for fans."),
    "email": env.string("SELLER_EMAIL", default="", help="The e-mail address for fans."),
}
