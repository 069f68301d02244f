"""Static files under names that change with their contents."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Name each file by its contents too, and keep packed copies of it under that name.

    The bundles of `ui/dist` name no other file, so no address inside a file is changed; what the
    files of others name stays there under its own name.
    """

    patterns = ()
    manifest_strict = False  # before anything is collected, a file has its own name

    def compress_files(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Pack the names that pages use, and make the copies as readable as what they are of.

        A file's own name stands in files of others alone, mostly for pictures, and source maps
        are read by developers: to pack those too took four times as long. WhiteNoise opens a
        copy by the umask alone: the gateway, which is another user, got none.
        """
        hashed = set(self.hashed_files.values())
        used = (path for path in paths if path in hashed and not path.endswith(".map"))
        for name, packed in super().compress_files(used):
            Path(self.path(packed)).chmod(self.file_permissions_mode)
            yield name, packed
