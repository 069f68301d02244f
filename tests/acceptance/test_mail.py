"""A purchase is followed by one letter, also when the mail server was away meanwhile."""

import httpx

from tests.support.faults import bought, fans
from tests.support.site import Site
from tests.support.waiting import await_that


def letters_to(site: Site, email: str) -> list[dict]:
    url = f"{site.exports['MAIL_URL']}/letters.json"
    letters: list[dict] = httpx.get(url, params={"to": email}, timeout=60).json()["letters"]
    return letters


def test_a_buyer_gets_one_letter_and_gets_it_after_an_outage_too(site: Site):
    sale = site.sale(seats=4)
    early, late = fans(site, 2)
    bought([early.buy(sale.performance_id, sale.seat_ids[:2])])
    [letter] = await_that(lambda: letters_to(site, early.fan.email), "the letter", seconds=180)
    assert letter["subject"].startswith("[Frontrow] 예매가 완료되었습니다")
    with site.without("mail"):
        bought([late.buy(sale.performance_id, sale.seat_ids[2:])])
    [letter] = await_that(lambda: letters_to(site, late.fan.email), "the late one", seconds=180)
    assert letter["message_id"].endswith("@127.0.0.1>")
