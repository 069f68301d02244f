"""Static files as the gateway finds them."""

import os

import pytest
from whitenoise.storage import CompressedManifestStaticFilesStorage

from kernel.http.static_storage import HashedStaticFilesStorage


@pytest.fixture
def strict_umask():
    before = os.umask(0o077)
    yield
    os.umask(before)


def packed_modes(storage, folder) -> list[str]:
    (folder / "site.css").write_text("p { color: CanvasText }\n" * 200)
    storage.hashed_files = {"site.css": "site.css"}
    return [
        f"{(folder / packed).stat().st_mode & 0o777:o}"
        for _, packed in storage.compress_files(["site.css"])
    ]


@pytest.mark.usefixtures("strict_umask")
def test_packed_copies_are_for_another_user_too(tmp_path):
    """The gateway's, who is not the one that collects them."""
    assert packed_modes(HashedStaticFilesStorage(tmp_path), tmp_path) == ["644", "644"]


@pytest.mark.control
@pytest.mark.usefixtures("strict_umask")
def test_control_the_library_leaves_them_to_the_umask(tmp_path):
    assert packed_modes(CompressedManifestStaticFilesStorage(tmp_path), tmp_path) == ["600", "600"]


def test_only_what_pages_name_is_packed(tmp_path):
    """A file under its own name, or a source map, is not: that is most of the work."""
    names = ["site.css", "site.123.css", "site.js.456.map"]
    for name in names:
        (tmp_path / name).write_text("p { color: CanvasText }\n" * 200)
    storage = HashedStaticFilesStorage(tmp_path)
    storage.hashed_files = {"site.css": names[1], "site.js.map": names[2]}
    assert {name for name, _ in storage.compress_files(names)} == {"site.123.css"}
