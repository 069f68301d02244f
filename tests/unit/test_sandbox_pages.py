"""The sandbox's options, and what its page takes from a browser and an order."""

import pytest

from payments.sandbox import pages
from payments.sandbox.options import from_environment
from payments.sandbox.schema import LedgerPayment
from payments.sandbox.webhooks import signature

NEEDED = {"SANDBOX_LEDGER": "ledger.db", "SANDBOX_SECRET": "s"}


def order(url: str) -> LedgerPayment:
    return LedgerPayment("key", "order-1", "Hanok", 50_000, "KRW", url, url, "READY", 0.0,
                         None, None, None, None, None)  # fmt: skip


def test_options_have_defaults_and_name_what_is_missing():
    options = from_environment(NEEDED)
    assert (options.host, options.port, options.page_url) == (
        "127.0.0.1", 8003, "http://127.0.0.1:8003",
    )  # fmt: skip
    for name in NEEDED:
        with pytest.raises(SystemExit, match=name):
            from_environment({key: value for key, value in NEEDED.items() if key != name})
    with pytest.raises(SystemExit, match="SANDBOX_WEBHOOK_SECRET"):
        from_environment(NEEDED | {"SANDBOX_WEBHOOK_URL": "http://a.example"})


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "ko"), ("ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("en-GB,en;q=0.9", "en"), ("fr", "ko"),
     ("en,ko;q=0.5", "en")],
)  # fmt: skip
def test_the_page_speaks_korean_or_english(accepted, language):
    assert pages.language_of(accepted) == language


@pytest.mark.parametrize(
    ("url", "way"),
    [
        ("https://shop.example/back?a=1", " https://shop.example"),
        ("http://127.0.0.1:8000/x", " http://127.0.0.1:8000"),
        ("example-app://paid", " example-app:"),
        ("https://a.example;script-src *", ""),
        ("https://a.example script-src/", ""),
        ("https://user@a.example/", ""),
    ],
)
def test_the_policy_of_a_page_is_not_written_by_an_order(url, way):
    policy = pages.policy(order(url))
    assert policy.endswith(f"form-action 'self'{way}")
    assert "script-src" not in policy


def test_a_way_back_keeps_its_own_query():
    back = pages.with_query("https://shop.example/b?payment=7&x=%26#top", code="A&B")
    assert back == "https://shop.example/b?payment=7&x=%26&code=A%26B#top"


def test_the_signature_is_that_of_standard_webhooks():
    """The value stands here, so that neither side's code can change it alone."""
    body = b'{"a": 1}'
    wanted = "v1,P3ScNd9VSsyrDnFW7fFrbV84DtEqQP9CacTNdmVzK2Q="
    assert signature("secret", "evt_1", 1_700_000_000, body) == wanted
