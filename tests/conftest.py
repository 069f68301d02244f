"""Fixtures of every test: real servers, real commits, clean state."""

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from django.core.management import call_command
from django.test import TransactionTestCase
from redis import Redis
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens import issue_access_token
from kernel import clock, storage_places
from kernel.caching import refreshed_copy
from kernel.db import primary_clock
from kernel.redis.clients import breaker, client
from tests.support import database, factories, servers
from tests.support.event_schemas import every_event_validated
from tests.support.gateways import GatewayDouble, install
from tests.support.scheduling import leaves_the_site
from tests.support.site import Site
from tests.support.waiting_rooms import weaken_library

# A busy machine is no fault of what is tested.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")

_SITE = pytest.StashKey[Site]()
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_WITHOUT_DATABASE = (
    *("tests/unit/", "tests/architecture/", "tests/stack/", "tests/acceptance/"),
    *("tests/rehearsal/", "tests/browser/", "tests/observability/", "tests/drills/"),
    *("tests/delivery/", "tests/chart/", "tests/cluster/", "tests/terraform/"),
    "tests/image/test_image.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test but the fast ones the databases, with real commits."""
    for item in items:
        place = item.path.relative_to(item.config.rootpath).as_posix()
        if not place.startswith(_WITHOUT_DATABASE):
            item.add_marker(pytest.mark.django_db(transaction=True, databases="__all__"))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name no test after an id made at random: every process must call it the same."""
    if isinstance(val, str) and _UUID.search(val):
        return _UUID.sub("ID", val)
    return None


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Make the signing keys before the first request needs them."""
    call_command("keys", "upgrade", verbosity=0)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Let nobody be connected to the databases when they are dropped."""
    yield
    refreshed_copy.stop_all()
    primary_clock.stop()


@pytest.fixture(scope="session", autouse=True)
def _fast_cleaning() -> Iterator[None]:
    original = TransactionTestCase._fixture_teardown

    def teardown(self: TransactionTestCase) -> None:
        for alias in self._databases_names(include_mirrors=False):
            database.clean(alias)

    TransactionTestCase._fixture_teardown = teardown
    yield
    TransactionTestCase._fixture_teardown = original


@pytest.fixture(scope="session", autouse=True)
def _events_follow_their_schemas() -> Iterator[None]:
    with every_event_validated():
        yield


@pytest.fixture(autouse=True)
def _clean_redis(request: pytest.FixtureRequest) -> None:
    if servers.running is None:
        return
    for role in ("cache", "lock", "queue"):
        breaker(role).reset()
        client(role).flushall()


@pytest.fixture(scope="session")
def parts() -> servers.RunningServers:
    """The running servers: `parts.part("replica").stop()` and the like."""
    assert servers.running is not None
    return servers.running


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The one running site of all tests that use the product as its clients do."""
    for talkative in ("httpx", "urllib3"):  # a line a request would bury what failed
        logging.getLogger(talkative).setLevel(logging.WARNING)
    site = request.session.stash[_SITE] = Site()
    try:
        site.up()
        yield site
    finally:
        site.down()


@pytest.hookimpl(trylast=True)  # once what the test used is closed
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the site with its last test: idle, it takes processor from the tests that follow."""
    site = item.session.stash.get(_SITE, None)
    if site is not None and leaves_the_site(item, nextitem):
        site.down()


@pytest.fixture
def kafka(parts: servers.RunningServers, settings) -> str:
    """The address of a real Kafka, started when the first test asks."""
    settings.KAFKA_BOOTSTRAP_SERVERS = parts.kafka()
    return settings.KAFKA_BOOTSTRAP_SERVERS


@pytest.fixture
def queue_redis() -> "Redis":
    return client("queue")


@pytest.fixture
def lock_redis() -> "Redis":
    return client("lock")


@pytest.fixture
def weakened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, db_ready: None
) -> Callable[[str, str], None]:
    """Run waiting rooms on the library without one of its guards."""
    return lambda guard, replacement: weaken_library(monkeypatch, tmp_path, guard, replacement)


@pytest.fixture
def storage(settings, tmp_path: Path) -> Path:
    """A folder of this test's own for what is kept by `STORAGE_URL`."""
    settings.STORAGES = settings.STORAGES | storage_places.read(
        f"file://{tmp_path}", media_url="/media/"
    )
    return tmp_path


@pytest.fixture
def api() -> APIClient:
    """A client of nobody."""
    return APIClient()


@pytest.fixture
def english(settings) -> None:
    """The site's language, where a test reads words of staff pages."""
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> GatewayDouble:
    """A gateway whose ledger and faults the test controls, in use by the product."""
    return install(monkeypatch)


@pytest.fixture
def charging(gateway: GatewayDouble) -> GatewayDouble:
    """The same, which takes the money for points at once, without a page."""
    gateway.approves_at_once = True
    return gateway


@pytest.fixture
def fan(db_ready) -> User:
    return factories.make_user()


@pytest.fixture
def db_ready(transactional_db) -> None:
    """The databases are there (fixtures that write ask for it)."""


@pytest.fixture
def as_fan() -> Callable[[User], APIClient]:
    """Return a client that sends the user's access token."""

    def client_of(user: User) -> APIClient:
        caller = APIClient()
        token = issue_access_token(
            user_id=user.pk,
            session_id=str(user.pk),
            is_staff=user.is_staff,
            groups=[group.name for group in user.groups.all()],
            now=clock.now(),
        )
        caller.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return caller

    return client_of
