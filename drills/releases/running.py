"""One release after the other into a cluster, under load, from the first build to the verdicts."""

import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from deploy.cluster import contents
from deploy.cluster.cluster import Cluster
from drills.alerts.load import SteadyLoad, steady_load
from drills.releases import figures
from drills.releases.balancer import Balancer
from drills.releases.builds import GOOD, Build, Builds
from drills.releases.cases import PROMOTED, TAKEN_BACK, ReleaseCase
from drills.releases.cluster_state import NAMESPACE, ClusterReader
from drills.releases.events import settle_events
from drills.releases.figures import Watched
from drills.releases.mirror import Mirror
from drills.releases.processes import Surroundings
from drills.releases.releasing import Releasing
from drills.releases.site import ReleaseSite
from drills.verdict import violations
from proof.measures import load_average, machine
from proof.rush.live import LiveView
from proof.rush.rehearsal import RehearsalFailed
from proof.rush.running import settled_audit
from stack.process import wait_until
from stack.service import free_ports

FLOWS_PER_SECOND = 10.0
_BEFORE_SECONDS = 20.0  # of load, so that there is something to compare with
_CASE_SECONDS = 420.0  # at most, until a release is promoted or taken back
_START_SECONDS = 120.0
_SETTLE_SECONDS = 60.0
_LOOK_SECONDS = 0.3


class ReleaseDrill:
    """A site, a cluster and what is between them, from `start` to `stop`."""

    def __init__(self, rate: float, view: LiveView) -> None:
        self._rate, self._view = rate, view
        self._site = ReleaseSite()
        self._around = ExitStack()
        self._number = 0

    def start(self) -> None:
        """Start all of it with a first build. Raises `RehearsalFailed`, `StackError`, `Refused`."""
        site = self._site
        self._around.callback(site.drop)
        site.start(self._view.say)
        site.do("stop", "consumers")
        site.targets.write_text("[]")
        site.watch_releases()
        self._view.say("Starting a cluster ...")
        cluster = Cluster(Path(tempfile.mkdtemp(dir=site.folder)), awaited="api")
        self._around.callback(cluster.down)
        cluster.up()
        cluster.kubectl.apply([contents.namespace(NAMESPACE)])
        self._releasing = Releasing(cluster.kubectl, site)
        reader = ClusterReader(cluster.kubectl)
        self._around.callback(reader.stop)
        self._mirror = self._mirrored(reader)
        self._view.say("Bringing in the first build ...")
        self._releasing.bring(self._image_of(GOOD))
        self._mirror.start()
        self._around.callback(self._mirror.stop)
        self._releasing.settle()
        self._until_stable()

    def _mirrored(self, reader: ClusterReader) -> Mirror:
        site = self._site
        folder = site.folder / "builds"
        folder.mkdir(mode=0o711)
        entry, *others = free_ports(5)
        ports = {"a": (others[0], others[1]), "b": (others[2], others[3])}
        program, os_user = site.nginx(), site.data.os_user
        gateways = {place: gateway for place, (gateway, _) in ports.items()}
        self._balancer = Balancer(program, folder / "balancer", entry, gateways, os_user)
        self._balancer.start()
        self._around.callback(self._balancer.stop)
        site.entry = entry
        around = Surroundings(site.environment, site.data, site.ports, program, folder)
        self._builds = Builds(folder / "code")
        return Mirror(reader, self._balancer, around, self._builds, ports, site.targets)

    def _image_of(self, build: Build) -> str:
        """Return the digest of a new image of a build."""
        self._builds.code_of(build)
        self._number += 1
        digest = f"{self._number:02x}" * 32
        self._mirror.builds_of[digest] = build
        return f"sha256:{digest}"

    def _until_stable(self) -> None:
        def stable() -> bool:
            state = self._mirror.state
            return state.phase == "Healthy" and state.stable == state.present

        if not wait_until(stable, _START_SECONDS, every=_LOOK_SECONDS):
            raise RehearsalFailed(f"no stable release: {self._mirror.state}")

    def stop(self) -> None:
        """End everything."""
        self._around.close()

    def run(self, case: ReleaseCase, *, control: bool = False) -> dict[str, Any]:
        """Release a build and say what became of it; in the end the build before is back."""
        name = f"{case.name}{', without analysis' if control else ''}"
        self._view.say(f"{name}: preparing a sale ...")
        load = SteadyLoad(self._site, steady_load(self._rate, _CASE_SECONDS + 120))
        image, revision = self._image_of(case.build), self._releasing.revision()
        load.begin()
        try:
            if not wait_until(lambda: self._served() > self._rate, _START_SECONDS, every=1):
                raise RehearsalFailed("no fan is answered")
            time.sleep(_BEFORE_SECONDS)
            self._view.say(f"{name}: releasing ...")
            watched = self._release(case, image, control=control)
            back = self._go_back(case, watched, revision)
            late = [] if load.goes_on else ["the load ended before the release had"]
        finally:
            load.end()
        return self._report(case, watched, back, late, control=control)

    def _served(self) -> int:
        return sum(1 for _ in self._balancer.served(time.time() - 5))

    def _release(self, case: ReleaseCase, image: str, *, control: bool) -> Watched:
        before = self._mirror.state.present
        watched = Watched(began=time.time())
        self._releasing.bring(image, judged=not control)
        until, done = time.monotonic() + _CASE_SECONDS, False
        while time.monotonic() < until:
            state = self._mirror.state
            if state.present != before:
                watched.place = self._mirror.place_of(state.present) or watched.place
                if state.weight != (watched.shares or [0])[-1]:
                    watched.shares.append(state.weight)
                    self._view.say(f"{case.name}: {state.weight} % of requests")
                if case.deed and state.weight and not done:
                    done = True
                    self._do(case, watched)
                if state.phase in ("Healthy", "Degraded"):
                    watched.became = {"Healthy": PROMOTED, "Degraded": TAKEN_BACK}[state.phase]
                    break
            time.sleep(_LOOK_SECONDS)
        watched.ended, watched.message = time.time(), self._mirror.state.message
        return watched

    def _do(self, case: ReleaseCase, watched: Watched) -> None:
        """Carry the deed out, and see that nothing changes before it is undone."""
        assert case.deed is not None
        before = self._mirror.state.weight
        undo = case.deed(self._site)
        until = time.monotonic() + case.lasts
        while time.monotonic() < until:
            if self._mirror.state.weight != before:
                watched.broken.append("its share changed although nobody could judge it")
                break
            time.sleep(_LOOK_SECONDS)
        undo()

    def _go_back(self, case: ReleaseCase, watched: Watched, revision: int) -> float | None:
        """Bring the release before back, where this one was bad; return the seconds it took."""
        if case.ends == PROMOTED:
            return None
        self._view.say(f"{case.name}: {watched.became}; going back ...")
        outcome = self._releasing.go_back(revision)
        watched.broken += outcome.problems
        self._until_stable()
        return outcome.seconds

    def _report(
        self,
        case: ReleaseCase,
        watched: Watched,
        back: float | None,
        late: Sequence[str],
        *,
        control: bool,
    ) -> dict[str, Any]:
        self._view.say(f"{case.name}: {watched.message or watched.became}; auditing ...")
        if case.loses_events:
            watched.broken += settle_events(self._site)
            self._site.begin_observation()
        audit = settled_audit(self._site, 5 if case.spoils else _SETTLE_SECONDS)
        found = violations(audit)
        if not case.spoils:
            watched.broken += found
        elif not found:
            watched.broken.append("the audit finds no seat that is free although it was paid for")
        seen = figures.of(list(self._balancer.served(watched.began)), watched)
        return {
            "case": case.name,
            "says": case.says,
            "control": control,
            "became": watched.became,
            "shares": watched.shares,
            "message": watched.message,
            **seen,
            "back_seconds": None if back is None else round(back, 1),
            "audit": audit["outcome"],
            "broken": [*watched.broken, *figures.broken(case, watched, seen, control=control)],
            "late": list(late),
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "machine": {**machine(), "load": load_average()},
            "flows_per_second": self._rate,
        }
