"""The way back: consumers stand still, every pod returns to the last revision, consumers go on."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.cluster.helm import Helm
from deploy.cluster.kubectl import Kubectl, Object, Refused

# What is promised: so long until all requests go to the release before.
SECONDS = 60
# Consumers have this long to end what they have begun (terminationGracePeriodSeconds), and to come.
_CONSUMERS_SECONDS = 180
_USABLE = {"superseded", "deployed"}


@dataclass
class Outcome:
    """What became of it: seconds until all requests went back, and what did not work."""

    revision: int
    seconds: float | None = None
    problems: list[str] = field(default_factory=list)


def last_revision(helm: Helm) -> int:
    """Return the revision before the present one. Raises Refused where there is none to go to."""
    history = json.loads(helm.run("history", helm.release, "--output", "json"))
    earlier = [one["revision"] for one in history[:-1] if one["status"] in _USABLE]
    if not earlier:
        raise Refused(f"{helm.release} has no revision to go back to")
    return int(earlier[-1])


def go_back(
    kubectl: Kubectl,
    helm: Helm,
    namespace: str,
    revision: int,
    reason: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Bring the release back to a revision. Raises Refused where helm refuses.

    That consumers can't be frozen keeps nobody from going back: a bad release may be why.
    """
    outcome, began = Outcome(revision), clock()
    frozen = _consumers(kubectl, helm, namespace, outcome, "freeze", "--reason", reason)
    helm.run("rollback", helm.release, str(revision))
    while clock() - began < SECONDS:
        if _all_is_back(kubectl, helm, namespace):
            outcome.seconds = clock() - began
            break
        pause(0.5)
    else:
        outcome.problems.append(f"after {SECONDS} s not all requests go to revision {revision}")
    if frozen:
        _resume(kubectl, helm, namespace, outcome)
    return outcome


def _resume(kubectl: Kubectl, helm: Helm, namespace: str, outcome: Outcome) -> None:
    """Let consumers go on once those of the release before are there."""
    what = ("rollout", "status", f"deployment/{helm.release}-consumers", "--namespace", namespace)
    try:
        kubectl.run(*what, f"--timeout={_CONSUMERS_SECONDS}s", seconds=_CONSUMERS_SECONDS + 10)
    except Refused as refused:
        outcome.problems.append(f"consumers stay frozen, theirs are not there: {refused}")
        return
    _consumers(kubectl, helm, namespace, outcome, "resume")


def _consumers(kubectl: Kubectl, helm: Helm, namespace: str, outcome: Outcome, *words: str) -> bool:
    """Run `manage.py consumers` in a pod of theirs; return whether that worked."""
    pod = ("exec", f"deployment/{helm.release}-consumers", "--namespace", namespace, "--")
    try:
        kubectl.run(*pod, "python", "manage.py", "consumers", *words, seconds=20)
    except Refused as refused:
        last = str(refused).splitlines()[-1:]
        outcome.problems.append(f"consumers {words[0]}: {' '.join(last)}")
        return False
    return True


def _all_is_back(kubectl: Kubectl, helm: Helm, namespace: str) -> bool:
    """Whether the controller has seen the change, and the stable pods are the wanted ones."""
    rollout = kubectl.get(f"rollout/{helm.release}-api", "--namespace", namespace)
    status: Object = rollout["status"]
    seen = int(status.get("observedGeneration", 0)) >= int(rollout["metadata"]["generation"])
    one_release = bool(status.get("stableRS") == status.get("currentPodHash"))
    return seen and one_release and status.get("phase") == "Healthy"
