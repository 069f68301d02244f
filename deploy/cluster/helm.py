"""helm against one cluster: one release in one namespace."""

import subprocess
from pathlib import Path

from deploy.chart.rendering import CHART, values_of
from deploy.cluster.kubectl import Kubectl, Refused
from deploy.tools.build import tool


class Helm:
    """A release of Frontrow, as helm keeps it in the cluster."""

    def __init__(self, kubectl: Kubectl, namespace: str, release: str = "frontrow") -> None:
        self.release = release
        self._kubectl = kubectl
        self._namespace = namespace

    def upgrade(self, environment: str, *more: str, chart: Path = CHART) -> None:
        """Install the release or bring it to this chart, and wait for its pods. Raises Refused."""
        arguments = (self.release, str(chart), *values_of(environment, chart), *more)
        self.run("upgrade", "--install", "--wait", "--timeout", "180s", *arguments)

    def rollback(self, revision: int) -> None:
        """Bring the release back to a revision, and wait for its pods. Raises Refused."""
        self.run("rollback", "--wait", "--timeout", "180s", self.release, str(revision))

    def uninstall(self) -> None:
        """Take the release out, with its hooks' objects left as helm leaves them."""
        self.run("uninstall", "--wait", "--ignore-not-found", self.release)

    def run(self, *arguments: str) -> str:
        """Return what helm prints. Raises Refused."""
        done = subprocess.run(
            [str(tool("helm")), "--namespace", self._namespace, *arguments],
            env=dict(self._kubectl.environment()),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Refused((done.stdout + done.stderr).strip())
        return done.stdout
