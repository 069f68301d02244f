"""What stands in for kubelet and the balancer's controller: the cluster decides, processes follow.

Each release that is to have pods gets real processes (one pair for all its pods), its pods are
ready once those answer, the balancer gives it the share that the Ingress names, and Prometheus asks
it under its hash. The consumers are those of the image that their Deployment names.
"""

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from drills.releases.balancer import PLACES, Balancer
from drills.releases.builds import Build, Builds
from drills.releases.cluster_state import ClusterReader, ClusterState
from drills.releases.processes import ApiPod, Consumers, Surroundings
from stack.service import HOST

_LOOK_SECONDS = 0.4
# Where a pod of each place listens: the gateway, and the API behind it.
Ports = tuple[int, int]


class Mirror:
    """Follows a cluster from `start` to `stop`; `builds_of` has the build of each digest."""

    def __init__(
        self,
        reader: ClusterReader,
        balancer: Balancer,
        around: Surroundings,
        builds: Builds,
        ports: Mapping[str, Ports],
        targets: Path,
    ) -> None:
        self.builds_of: dict[str, Build] = {}
        self.failure: BaseException | None = None
        self._reader, self._balancer = reader, balancer
        self._around, self._builds = around, builds
        self._ports, self._targets = ports, targets
        self._pods: dict[str, ApiPod] = {}
        self._places: dict[str, str] = {}  # hash of a release: its place
        self._state: ClusterState | None = None
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=one) for one in (self._follow, self._follow_consumers)
        ]

    def start(self) -> None:
        """Follow what the cluster says from now on."""
        for thread in self._threads:
            thread.start()

    @property
    def state(self) -> ClusterState:
        """Return the last look; raises what went wrong in following it."""
        while self._state is None and self.failure is None:
            time.sleep(_LOOK_SECONDS)
        if self.failure is not None:
            raise self.failure
        assert self._state is not None
        return self._state

    def place_of(self, release: str) -> str:
        """Return the place of a release by its hash, "" where it has none."""
        return self._places.get(release, "")

    def _follow(self) -> None:
        """Follow the API's releases: nothing may hold up a change of shares for long."""
        try:
            while not self._ending.wait(_LOOK_SECONDS):
                state = self._reader.look()
                self._follow_releases(state)
                self._state = state
        except BaseException as error:  # noqa: BLE001  (who asks for the state hears of it)
            self.failure = error

    def _follow_consumers(self) -> None:
        """Run the consumers of the image that is wanted; ending others takes its time."""
        runs, digest = None, ""
        try:
            while not self._ending.wait(_LOOK_SECONDS):
                if self._state is None or self._state.consumers == digest:
                    continue
                if runs:
                    runs.stop()
                digest = self._state.consumers
                runs = Consumers(self._around, self._builds.code_of(self.builds_of[digest]))
        except BaseException as error:  # noqa: BLE001  (the same)
            self.failure = error
        finally:
            if runs:
                runs.stop()

    def _follow_releases(self, state: ClusterState) -> None:
        wanted = {one for one in (state.stable, state.present) if one in state.images}
        gone, new = self._pods.keys() - wanted, wanted - self._pods.keys()
        for release in gone:
            self._pods.pop(release).stop()
            del self._places[release]
        for release in new:
            self._bring(release, state.images[release])
        if gone or new:
            self._tell_prometheus()
        for pod, release in state.waiting.items():
            if release in self._pods and self._pods[release].is_ready():
                self._reader.say_that_it_runs(pod)
        self._balancer.give(self._share_of_b(state))

    def _bring(self, release: str, digest: str) -> None:
        place = next(one for one in PLACES if one not in self._places.values())
        code = self._builds.code_of(self.builds_of[digest])
        pod = ApiPod(self._around, code, release, *self._ports[place])
        pod.start()
        self._pods[release], self._places[release] = pod, place

    def _tell_prometheus(self) -> None:
        targets = [
            {
                "targets": [f"{HOST}:{pod.api_port}"],
                "labels": {"release": release, "instance": f"api-{release}"},
            }
            for release, pod in self._pods.items()
        ]
        half = self._targets.with_suffix(".half")
        half.write_text(json.dumps(targets))
        half.rename(self._targets)

    def _share_of_b(self, state: ClusterState) -> int:
        """Return the percent of place b: the stable release has what the new one has not."""
        new = self._places.get(state.present)
        stable = self._places.get(state.stable, new)
        of_new = state.weight if new and new != stable else 0
        return of_new if stable == "a" else 100 - of_new

    def stop(self) -> None:
        """Follow no more, and end every process."""
        self._ending.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        for pod in self._pods.values():
            pod.stop()
