"""The data folder: everything the stack makes lies below it."""

import os
import secrets
import shutil
import tomllib
from functools import cached_property
from pathlib import Path

from stack.errors import StackError
from stack.os_users import OsUser, remove_home, server_home, unprivileged
from stack.postgres.cluster import Passwords
from stack.process_registry import ProcessRegistry, read_json, write_json

ROOT = Path(__file__).resolve().parent.parent
SECRETS = (
    "secret_key",
    "postgres_superuser",
    "postgres_replicator",
    "postgres_application",
    "postgres_observer",
    "flower_password",
    "admin_password",
    "ops_token",
    "payment_secret",
    "webhook_secret",
    "marker",
    "etcd_password",
    "patroni_password",
)


def default_data() -> Path:
    """Return the data folder: FRONTROW_DATA, else `.data` beside the code."""
    return Path(os.environ.get("FRONTROW_DATA") or ROOT / ".data").absolute()


def release() -> str:
    """Return the version of what runs, as log lines name it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return os.environ.get("FRONTROW_RELEASE") or str(project["version"])


class DataDir:
    """Paths and generated secrets of one stack."""

    def __init__(self, root: Path, downloads: Path | None = None) -> None:
        self.root = root.absolute()
        self.logs = self.root / "logs"
        self.run = self.root / "run"
        self.downloads = downloads or self.root / "downloads"
        self.figures = self.run / "figures"  # what commands say to node_exporter
        self.os_user: OsUser | None = unprivileged()

    def make(self) -> "DataDir":
        """Make the folders that are missing; return self."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.logs, self.run, self.downloads):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Root's servers run as another user, who has to pass through.
            self.root.chmod(0o711 if self.os_user else 0o700)
        except OSError as error:
            raise StackError(f"can't make the data folder {self.root}: {error.strerror}") from error
        if self.root.stat().st_uid != os.geteuid():
            raise StackError(f"the data folder {self.root} belongs to another user (FRONTROW_DATA)")
        return self

    @cached_property
    def home(self) -> Path:
        """The folder of the servers' data. See Note [Unprivileged servers]."""
        return server_home(self.root, self.os_user)

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Generated at first use, kept in a file that only its owner can read."""
        path = self.root / "secrets.json"
        known = read_json(path)
        missing = [name for name in SECRETS if name not in known]
        if missing:
            # Letters, digits, - and _ alone: they need no quoting in a URL, a shell or SQL.
            known |= {
                name: secrets.token_urlsafe(48 if name == "secret_key" else 18) for name in missing
            }
            write_json(path, known)
        return known

    @property
    def passwords(self) -> Passwords:
        return Passwords(
            superuser=self.secrets["postgres_superuser"],
            replicator=self.secrets["postgres_replicator"],
            application=self.secrets["postgres_application"],
            observer=self.secrets["postgres_observer"],
        )

    @property
    def marker(self) -> str:
        return self.secrets["marker"]

    @property
    def registry(self) -> ProcessRegistry:
        return ProcessRegistry(self.run / "processes.json")

    @property
    def lock(self) -> Path:
        return self.run / "lock"

    def erase(self, *, downloads: bool) -> None:
        """Remove all data; `downloads` too, or keep what only takes time to fetch again."""
        if not self.root.is_dir():
            return
        remove_home(self.root)
        for entry in self.root.iterdir():
            if entry == self.downloads and not downloads:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        if not any(self.root.iterdir()):
            self.root.rmdir()
