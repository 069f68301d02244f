"""A release that a double of Prometheus judges, in seconds instead of minutes."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.cluster.helm import Helm
from deploy.cluster.kubectl import Kubectl, Object, program
from drills.releases.cluster_state import ACTION, share_in
from observability.analysis import MEASURES, REQUESTS
from stack.process import wait_until
from tests.cluster.watching import NAMESPACE, pods, scale
from tests.support.prometheus_double import prometheus

CHECKS = {one.name: one for ones in MEASURES.values() for one in ones}
# Long enough for the looks, a second apart, to end a bad release before its next share.
SHARES = [{"percent": 10, "pause": "6s"}, {"percent": 30, "pause": "6s"}]
_ROLLOUT = ("rollout/frontrow-api", "-n", NAMESPACE)


class Shares:
    """Every share of the new release in percent, as the balancer reads it; none is missed."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.seen: list[int] = []
        key = ACTION.replace(".", "\\.")
        form = f'jsonpath={{.metadata.annotations.{key}}}{{"\\n"}}'
        where = ("ingress/frontrow", "-n", NAMESPACE)
        self._watch = subprocess.Popen(
            [program(), "get", *where, "--watch", "-o", form],
            env=dict(kubectl.environment()),
            stdout=subprocess.PIPE,
            text=True,
        )
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        for line in self._watch.stdout or ():
            now = share_in(line.strip())
            if self.seen[-1:] != [now]:
                self.seen.append(now)

    @property
    def now(self) -> int:
        """The present share."""
        return self.seen[-1] if self.seen else 0

    def end(self) -> None:
        """Look no more."""
        self._watch.terminate()
        self._watch.wait()
        self._thread.join()
        if self._watch.stdout:
            self._watch.stdout.close()


class Judge:
    """What Prometheus says: everything is well, but for what a test changes."""

    def __init__(self) -> None:
        self.says: dict[str, list[float]] = {}
        self.asked: set[str] = set()
        self.is_away = False
        self.in_vain = 0
        self.counted = 0  # looks at how much was served

    def __call__(self, query: str) -> list[float] | None:
        if self.is_away:
            self.in_vain += 1
            return None
        for name, check in CHECKS.items():
            if _shape(check.query) == _shape(query):
                self.asked.add(name)
                return self.says.get(name, [0.0])
        assert _shape(query) == _shape(REQUESTS), query
        self.counted += 1
        return self.says.get("requests", [1000.0])


def _shape(query: str) -> str:
    """Return a query without the names of the two releases."""
    first, *others = query.split('release="')
    return first + "".join(one.partition('"')[2] for one in others)


class Releases:
    """What brings images in, each named by a digit."""

    def __init__(self, kubectl: Kubectl, helm: Helm, judge: Judge, url: str, *more: str) -> None:
        self.kubectl = kubectl
        self.helm = helm
        self.judge = judge
        self._shares: Shares | None = None
        self._values = (
            *("--set-json", f"release.steps={json.dumps(SHARES)}"),
            *("--set", "release.lookEvery=1s,release.firstLookAfter=0s"),
            *("--set", f"monitoring.prometheusUrl={url}", *more),
        )

    def bring(self, digit: str, *more: str) -> None:
        """Let helm bring an image in; Rollouts goes on by itself. Shares are seen from now on."""
        if self._shares is not None:
            del self._shares.seen[:-1]
        image = ("--set", f"image.digest=sha256:{digit * 64}")
        self.helm.upgrade("production", *image, *self._values, *more)

    @property
    def shares(self) -> Shares:
        """Return the shares of the release that was brought last."""
        assert self._shares is not None, "judged() watches them once there is an Ingress"
        return self._shares

    def watch(self) -> None:
        """Begin to see shares."""
        self._shares = Shares(self.kubectl)

    @contextmanager
    def well_again(self) -> Iterator["Releases"]:
        """Yield itself with nothing wrong; afterwards what was taken back is stable again."""
        self.judge.says.clear()
        self.judge.asked.clear()
        stable = self.stable()
        yield self
        if self.phase() != "Healthy":
            self.judge.says.clear()
            self.bring(stable)
            self.until("Healthy")

    def end(self) -> None:
        """Watch no more."""
        if self._shares is not None:
            self._shares.end()

    def phase(self) -> str:
        """Return what Rollouts says of the API."""
        status: Object = self.kubectl.get(*_ROLLOUT)["status"]
        return str(status.get("phase"))

    def until(self, phase: str, seconds: float = 90) -> None:
        """Wait for a phase."""
        assert wait_until(lambda: self.phase() == phase, seconds, every=0.3), self.kubectl.get(
            *_ROLLOUT
        )["status"]

    def stable(self) -> str:
        """Return the digit of the stable release; pods of the one before may still be there."""
        name = self.kubectl.get(*_ROLLOUT)["status"]["stableRS"]
        (kept,) = self.kubectl.items(
            "replicasets", "-n", NAMESPACE, "-l", f"rollouts-pod-template-hash={name}"
        )
        return str(kept["spec"]["template"]["spec"]["containers"][0]["image"][-1])

    def images(self) -> set[str]:
        """Return the digits of the images that run."""
        found = pods(self.kubectl, "api")
        return {one["spec"]["containers"][0]["image"][-1] for one in found}


@contextmanager
def judged(kubectl: Kubectl, helm: Helm, *more: str) -> Iterator[Releases]:
    """Install release 1 with ten pods of the API; yield what brings others in."""
    judge = Judge()
    with prometheus(judge) as url:
        releases = Releases(kubectl, helm, judge, url, *more)
        releases.bring("1")
        scale(kubectl, 10)
        releases.until("Healthy")
        releases.watch()
        try:
            yield releases
        finally:
            releases.end()
