"""How a build comes in and goes back: by helm and `python -m release`, as an operator does it."""

import json

from deploy.cluster.helm import Helm
from deploy.cluster.kubectl import Kubectl, Refused
from drills.releases.cluster_state import NAMESPACE
from drills.releases.site import ReleaseSite
from proof.rush.rehearsal import RehearsalFailed
from release import rollback

SHARES = (10, 30)
PODS = 4
# Production waits 5 and 10 minutes, looks each 30 s, and gives new pods 10 minutes to start.
_PAUSES, _UNJUDGED_PAUSES = ("150s", "45s"), ("15s", "15s")
_LOOKS = "release.lookEvery=5s,release.firstLookAfter=20s"
_START_SECONDS = 60


class PodCommands(Kubectl):
    """kubectl whose `exec` into a pod runs `manage.py` at the site that stands behind the pods."""

    def __init__(self, kubectl: Kubectl, site: ReleaseSite) -> None:
        super().__init__(kubectl.kubeconfig)
        self._site = site

    def run(self, *arguments: str, given: str | None = None, seconds: float = 120) -> str:
        """Return what it prints. Raises Refused."""
        if arguments[0] != "exec":
            return super().run(*arguments, given=given, seconds=seconds)
        words = arguments[arguments.index("manage.py") + 1 :]
        try:
            return self._site.manage(*words, seconds=seconds)
        except RehearsalFailed as failed:
            raise Refused(str(failed)) from failed


class Releasing:
    """The release of Frontrow in one cluster, judged by the site's Prometheus."""

    def __init__(self, kubectl: Kubectl, site: ReleaseSite) -> None:
        self._kubectl = PodCommands(kubectl, site)
        self._helm = Helm(self._kubectl, NAMESPACE)
        self._site = site

    def bring(self, digest: str, *, judged: bool = True) -> None:
        """Let helm bring an image in; Rollouts goes on by itself. Raises Refused."""
        pauses = _PAUSES if judged else _UNJUDGED_PAUSES
        steps = [
            {"percent": share, "pause": pause} for share, pause in zip(SHARES, pauses, strict=True)
        ]
        self._helm.upgrade(
            "production",
            *("--set", f"image.digest={digest}"),
            *("--set-json", f"release.steps={json.dumps(steps)}"),
            *("--set", f"{_LOOKS},release.analysis={str(judged).lower()}"),
            *("--set", f"monitoring.prometheusUrl={self._site.prometheus}"),
        )

    def settle(self) -> None:
        """After the first release: as many pods as KEDA would want, and less time to start."""
        where = ("rollout/frontrow-api", "-n", NAMESPACE)
        self._kubectl.run("scale", *where, f"--replicas={PODS}")
        change = json.dumps({"spec": {"progressDeadlineSeconds": _START_SECONDS}})
        self._kubectl.run("patch", *where, "--type=merge", "--patch", change)

    def revision(self) -> int:
        """Return the revision that is there now."""
        history = json.loads(self._helm.run("history", self._helm.release, "--output", "json"))
        return int(history[-1]["revision"])

    def go_back(self, revision: int) -> rollback.Outcome:
        """Bring a revision back as `python -m release rollback` does. Raises Refused."""
        return rollback.go_back(self._kubectl, self._helm, NAMESPACE, revision, "a drill")
