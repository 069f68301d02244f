"""The Content-Security-Policy: what browsers may do with our pages.

Pages load what the site itself serves and run no script that stands in them. JSON answers have no
policy: nothing in them is ever run (`nosniff`), and the busiest routes need not carry it.
"""

from csp.constants import NONE, SELF

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
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
