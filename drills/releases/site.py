"""The site that is released to: servers, workers and Prometheus of a stack of its own.

Its gateway and its API stand idle: those of the builds answer fans, behind the balancer.
"""

import json
import shutil
import signal
from collections import Counter
from functools import cached_property
from pathlib import Path

import httpx
import psutil

from drills.site import DrillSite
from proof.rush.rehearsal import RehearsalFailed
from stack import control_socket
from stack.gateway import nginx
from stack.process import Tools, wait_until
from stack.profiles import PLAIN
from stack.service import HOST

_PROMETHEUS_SECONDS = 60.0


class ReleaseSite(DrillSite):
    """A plain stack with what observes it; `entry` is the port of the balancer, once there is."""

    parts = PLAIN
    standings = Counter[str]()
    entry = 0

    def __init__(self) -> None:
        super().__init__(observe=True)

    @property
    def port(self) -> int:
        """Where fans ask."""
        return self.entry or super().port

    @property
    def prometheus(self) -> str:
        """The address of Prometheus."""
        return f"http://{HOST}:{self.ports['prometheus']}"

    @cached_property
    def targets(self) -> Path:
        """The file that tells Prometheus which releases there are."""
        return self.folder / "releases.json"

    def nginx(self) -> Path:
        """Return the program of the gateway."""
        return nginx(self.data.downloads, Tools())

    def watch_releases(self) -> None:
        """Let Prometheus ask whom `targets` names, instead of the idle API."""
        path = self.site / "prometheus" / "configuration.yml"
        configuration = json.loads(path.read_text())
        for job in configuration["scrape_configs"]:
            if job["job_name"] == "api":
                del job["static_configs"]
                job["file_sd_configs"] = [{"files": [str(self.targets)], "refresh_interval": "1s"}]
        path.write_text(json.dumps(configuration))
        psutil.Process(self._pid_of("prometheus")).send_signal(signal.SIGHUP)
        if not wait_until(self._watches_releases, _PROMETHEUS_SECONDS, every=0.5):
            raise RehearsalFailed("Prometheus does not take the releases' file")

    def _watches_releases(self) -> bool:
        with httpx.Client(trust_env=False, timeout=10) as client:
            text = client.get(f"{self.prometheus}/api/v1/status/config").json()["data"]["yaml"]
        return str(self.targets) in text

    def begin_observation(self) -> None:
        """Start Prometheus with nothing that it saw before."""
        self.do("stop", "prometheus")
        shutil.rmtree(self.site / "prometheus" / "data")
        self.do("start", "prometheus")
        self.watch_releases()

    def _pid_of(self, name: str) -> int:
        status = control_socket.send_request(self.data.run, {"do": "status"})
        processes = [one for part in status["parts"] for one in part["processes"]]
        return next(int(one["pid"]) for one in processes if one["name"] == name)
