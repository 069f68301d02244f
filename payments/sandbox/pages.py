"""The hosted page of the sandbox, in Korean and English: approve, decline or close an order.

Pages run no script; their policy allows what the sandbox itself serves, and the way back.
"""

import re
from html import escape
from string import Template
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from payments.sandbox.schema import LedgerPayment

_TEXTS = {
    "ko": {
        "title": "결제 샌드박스",
        "notice": "시험용 결제 페이지입니다. 실제로 결제되는 금액은 없습니다.",
        "order": "주문번호",
        "amount": "결제 금액",
        "approve": "승인",
        "decline": "거절",
        "close": "닫기",
        "over": "이 주문은 더 이상 결제할 수 없습니다.",
        "back": "상점으로 돌아가기",
        "absent": "이 주소의 주문이 없습니다.",
        "declined": "카드사에서 결제를 거절했습니다.",
        "closed": "사용자가 결제를 취소했습니다.",
    },
    "en": {
        "title": "Payment sandbox",
        "notice": "This page is for tests. No money moves.",
        "order": "Order",
        "amount": "Amount",
        "approve": "Approve",
        "decline": "Decline",
        "close": "Close",
        "over": "This order cannot be paid any more.",
        "back": "Back to the shop",
        "absent": "There is no order at this address.",
        "declined": "The card company declined the payment.",
        "closed": "The customer closed the payment.",
    },
}
STYLE = """\
body { margin: 0; font-family: system-ui, sans-serif; line-height: 1.5; color: #1b1b1f; }
main { max-width: 28rem; margin: 0 auto; padding: 1.5rem 1rem; overflow-wrap: anywhere; }
.notice { padding: .75rem 1rem; border-radius: .5rem; background: #fef3c7; }
dt { color: #4b5563; } dd { margin: 0 0 .75rem; font-weight: 600; }
.amount { font-size: 1.5rem; }
button { width: 100%; min-height: 3rem; margin: .25rem 0; font: inherit; font-weight: 600;
  border: 1px solid #6b7280; border-radius: .5rem; background: #fff; color: inherit; }
button.main { border-color: #1d4ed8; background: #1d4ed8; color: #fff; }
button:focus-visible, a:focus-visible { outline: 3px solid #93c5fd; outline-offset: 2px; }
"""
_PAGE = Template("""\
<!doctype html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<link rel="stylesheet" href="/checkout.css">
</head>
<body><main>
<h1>$title</h1>
<p class="notice">$notice</p>
$body
</main></body>
</html>
""")
_ORDER = Template("""\
<h2>$name</h2>
<dl><dt>$order</dt><dd>$order_id</dd><dt>$amount</dt><dd class="amount">$sum</dd></dl>
""")
_CHOICE = Template("""\
<form method="post">
<button class="main" name="action" value="approve">$approve</button>
<button name="action" value="decline">$decline</button>
<button name="action" value="close">$close</button>
</form>
""")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*:(//[A-Za-z0-9.:\[\]-]+)?")


def language_of(accepted: str) -> str:
    """Return `en` for browsers that want English before Korean, else `ko`."""
    wanted = accepted.lower()
    english, korean = wanted.find("en"), wanted.find("ko")
    return "en" if english >= 0 and (korean < 0 or english < korean) else "ko"


def text(name: str, language: str) -> str:
    """Return a text of the page."""
    return _TEXTS[language][name]


def checkout(row: LedgerPayment, *, language: str) -> str:
    """Return the page of an order."""
    words = {name: escape(value) for name, value in _TEXTS[language].items()}
    body = _ORDER.substitute(
        words,
        name=escape(row.order_name),
        order_id=escape(row.order_id),
        sum=f"{row.amount:,} {escape(row.currency)}",
    )
    if row.status == "READY":
        body += _CHOICE.substitute(words)
    else:
        back = escape(row.success_url)
        body += f'<p role="status">{words["over"]}</p><p><a href="{back}">{words["back"]}</a></p>'
    return _PAGE.substitute(words, lang=language, body=body)


def absent(*, language: str) -> str:
    """Return the page of an unknown order."""
    words = {name: escape(value) for name, value in _TEXTS[language].items()}
    return _PAGE.substitute(words, lang=language, body=f"<p>{words['absent']}</p>")


def policy(row: LedgerPayment | None) -> str:
    """Return the Content-Security-Policy of a page: no script, and the order's own way back."""
    ways = " ".join(sorted({_origin(url) for url in _ways_back(row)} - {""}))
    return (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {ways}".rstrip()
    )


def with_query(url: str, **more: str) -> str:
    """Return a URL with more in its query."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True) + list(more.items())
    return urlunsplit(parts._replace(query=urlencode(query)))


def _ways_back(row: LedgerPayment | None) -> list[str]:
    return [row.success_url, row.fail_url] if row else []


def _origin(url: str) -> str:
    """Return what a policy calls the target of a redirect: an origin, or an app's scheme."""
    parts = urlsplit(url)
    is_web = parts.scheme in ("http", "https")
    origin = f"{parts.scheme}://{parts.netloc}" if is_web else f"{parts.scheme}:"
    return origin if _ORIGIN.fullmatch(origin) else ""
