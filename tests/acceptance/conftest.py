"""What acceptance tests share beside the running site."""

from collections.abc import Iterator

import pytest

from tests.support.card_site import PRICE, Desk
from tests.support.kafka_reader import KafkaReader
from tests.support.site import Sale, Site

# The first test starts the site, on a fresh machine with its downloads; others wait for restarts.
SECONDS = 360


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "acceptance" in item.path.parts:
            item.add_marker(pytest.mark.acceptance)
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def kafka_records(site: Site) -> KafkaReader:
    """All topics of the site, read once and further with each test."""
    return site.reader()


@pytest.fixture
def desk(site: Site) -> Iterator[Desk]:
    """The desk of the site's gateway; its faults end with the test."""
    desk = Desk(site)
    yield desk
    desk.end_faults()
    desk.close()


@pytest.fixture
def sale(site: Site) -> Sale:
    """Two seats that are paid by card, without a waiting room."""
    return site.sale(seats=2, price=PRICE, queue=None)
