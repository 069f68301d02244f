"""The programs that observe the stack: Prometheus, Alertmanager and exporters, of Debian 12."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from stack import debian
from stack.process import Tools


@dataclass(frozen=True)
class Observer:
    """A program of a Debian package; `release` is the one that rules and scrapes are tried with."""

    package: str
    program: str
    release: str

    def path(self, downloads: Path, tools: Tools) -> Path:
        """Return the program: the machine's of that release, else the package's, unpacked.

        Raises StackError where there is none to be had.
        """
        found = shutil.which(self.program)
        if found and debian.runs(Path(found), self.release):
            return Path(found)
        place = f"usr/bin/{self.program}"
        folder = f"{self.package}-{self.release}"
        return debian.program(
            self.package, place, downloads, tools, folder=folder, release=self.release
        )


PROMETHEUS = Observer("prometheus", "prometheus", "2.42.0")
PROMTOOL = Observer("prometheus", "promtool", "2.42.0")
ALERTMANAGER = Observer("prometheus-alertmanager", "prometheus-alertmanager", "0.25.0")
AMTOOL = Observer("prometheus-alertmanager", "amtool", "0.25.0")
POSTGRES_EXPORTER = Observer(
    "prometheus-postgres-exporter", "prometheus-postgres-exporter", "0.11.1"
)
REDIS_EXPORTER = Observer("prometheus-redis-exporter", "prometheus-redis-exporter", "1.45.0")
NODE_EXPORTER = Observer("prometheus-node-exporter", "prometheus-node-exporter", "1.5.0")
NGINX_EXPORTER = Observer("prometheus-nginx-exporter", "prometheus-nginx-exporter", "0.11.0")
# Those that run beside an observed stack; the others are for its rules.
AT_WORK = (
    PROMETHEUS,
    ALERTMANAGER,
    POSTGRES_EXPORTER,
    REDIS_EXPORTER,
    NODE_EXPORTER,
    NGINX_EXPORTER,
)
