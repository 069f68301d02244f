"""Pytest plugin: which process runs a test, of a run in several (`-n 2`).

A file stays together, and so does all that needs one large thing: the site of the acceptance and
browser tests, Kafka. The groups of pytest-xdist travel in the ids of tests, which pytest 9.2 no
longer lets it change, so every test was dealt out alone and each process started a site.
"""

from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[2]
_OF_THE_SITE = ("tests/acceptance/", "tests/browser/")


class ByWhatTheyNeed(LoadScopeScheduling):
    """Deals out groups of files, in the order of `testpaths`: the largest group stands first."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.partition("::")[0])


@cache
def group_of(path: str) -> str:
    """Return which tests have to run in one process with those of a file, named from the root."""
    if path.startswith(_OF_THE_SITE):
        return "site"
    # The fixture, or the marker: a file that names either starts Kafka at some point.
    return "kafka" if "kafka" in (ROOT / path).read_text() else path


def leaves_the_site(item: pytest.Item, following: pytest.Item | None) -> bool:
    """Say whether no test of this run needs the site after `item`; sure only of dealt-out runs."""
    dealt_out = hasattr(item.config, "workerinput")
    return dealt_out and _needs_site(item) and following is not None and not _needs_site(following)


def _needs_site(item: pytest.Item) -> bool:
    return item.nodeid.startswith(_OF_THE_SITE)


@pytest.hookimpl(optionalhook=True)  # without `-n` there is no such hook
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByWhatTheyNeed:
    config.option.loadscopereorder = False
    return ByWhatTheyNeed(config, log)
