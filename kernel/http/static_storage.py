"""Static files under names that change with their contents."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Name each file by its contents too, and keep packed copies of it.

    The bundles of `ui/dist` name no other file, so no address inside a file is changed; what the
    files of others name stays there under its own name.
    """

    patterns = ()
    manifest_strict = False  # before anything is collected, a file has its own name
