"""What the tests of the built image share: the image, and a volume with its keys."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.pods import FS_GROUP, BuiltImage
from tests.support.production import environment
from tests.support.signing import make_ring

KEYS = "/run/secrets/frontrow"


@pytest.fixture(scope="session")
def image() -> Iterator[BuiltImage]:
    with BuiltImage() as image:
        yield image


@pytest.fixture(scope="session")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a folder as a mounted secret is: two links, and a file with this mode and group."""

    def make(mode: int = 0o440, group: int = FS_GROUP) -> Path:
        folder = tmp_path_factory.mktemp("secret")
        (folder / "..first").mkdir()
        ring = folder / "..first" / "signing-keys.json"
        make_ring(ring)
        shutil.chown(ring, 0, group)
        ring.chmod(mode)
        (folder / "..data").symlink_to("..first")
        (folder / ring.name).symlink_to(f"..data/{ring.name}")
        # Below /tmp alone its owner may enter.
        for place in (folder, folder / "..first"):
            place.chmod(0o755)
        return folder

    return make


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    """The variables of a production process that leads to no server; its keys are mounted."""
    given = environment(tmp_path, SIGNING_KEYS_FILE=f"{KEYS}/signing-keys.json")
    ours = {"PATH", "HOME", "STATIC_ROOT"}  # the image's own
    return {name: value for name, value in given.items() if name not in ours}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    assert os.geteuid() == 0, "the image is built and entered as root"
    for item in items:
        if item.path.parent.name == "image":
            item.add_marker(pytest.mark.timeout(900))
