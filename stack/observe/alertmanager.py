"""Alertmanager, out of its place.

Note [Debian's Alertmanager]
Debian's build opens its templates by a path below /usr/share, whatever its options say, and there
they are only where the package is installed, which takes root. So an unpacked one is copied with
that path exchanged for one of the same length that leads to the folder it runs in. It is done to
the one release that was tried: where the path isn't found, there is no Alertmanager.
"""

import shutil
from pathlib import Path

from stack.errors import StackError
from stack.observe.watcher import Watcher
from stack.os_users import private_folder
from stack.process import Command
from stack.service import HOST

INSTALLED = Path("/usr/share/prometheus/alertmanager")
OWN = "template"  # with "./" before it, as often as it takes, as long as INSTALLED


class Alertmanager(Watcher):
    """Alertmanager with its templates."""

    def __init__(self, program: Path, port: int, folder: Path, configuration: str) -> None:
        super().__init__("alertmanager", (), port, folder, configuration)
        self.program = program

    def prepare(self, failures: int) -> None:
        super().prepare(failures)
        if not INSTALLED.is_dir():
            self._relocate()

    def command(self) -> Command:
        own = self.folder / "alertmanager"
        self.argv = (
            str(own if own.exists() else self.program),
            *(f"--config.file={self.folder}/configuration.yml", "--cluster.listen-address="),
            *(f"--storage.path={self.folder}/data", f"--web.ui-path={self._assets() / 'ui'}"),
            *(f"--web.listen-address={HOST}:{self.port}", "--log.level=warn"),
        )
        return super().command()

    def _assets(self) -> Path:
        return self.program.parents[1] / INSTALLED.relative_to("/usr")

    def _relocate(self) -> None:
        """See Note [Debian's Alertmanager]."""
        built = str(INSTALLED).encode()
        padding = b"./" * (len(built) // 2)
        other = padding[: len(built) - len(OWN)] + OWN.encode()
        image = self.program.read_bytes()
        if built not in image or not self._assets().is_dir():
            raise StackError(f"{self.program} is no Alertmanager that this stack knows")
        private_folder(self.folder / OWN)
        for template in self._assets().glob("*.tmpl"):
            shutil.copyfile(template, self.folder / OWN / template.name)
        made = self.folder / "alertmanager"
        made.write_bytes(image.replace(built, other))
        made.chmod(0o700)
