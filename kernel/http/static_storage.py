"""Static files under names that change with their contents."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Name each file by its contents too, and keep packed copies of it.

    The bundles of `ui/dist` name no other file, so no address inside a file is changed; what the
    files of others name stays there under its own name.
    """

    patterns = ()
    manifest_strict = False  # before anything is collected, a file has its own name

    def compress_files(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Make the packed copies as readable as what they are copies of.

        WhiteNoise opens them by the umask alone; the gateway, which is another user, got no copy.
        """
        for name, packed in super().compress_files(paths):
            Path(self.path(packed)).chmod(self.file_permissions_mode)
            yield name, packed
