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
