"""What the tests look at in the cluster: pods, where they are, and what was refused."""

from collections import Counter

from deploy.cluster import contents
from deploy.cluster.kubectl import Kubectl, Object
from stack.process import wait_until
from tests.delivery.objects import COMPONENT

NAMESPACE = "frontrow"
SECONDS = 120


def pods(kubectl: Kubectl, component: str) -> list[Object]:
    """Return the pods of a component that are not on their way out."""
    return [one for one in _all(kubectl, component) if not _leaves(one)]


def leaving(kubectl: Kubectl, component: str) -> list[Object]:
    """Return the pods of a component that are on their way out."""
    return [one for one in _all(kubectl, component) if _leaves(one)]


def _all(kubectl: Kubectl, component: str) -> list[Object]:
    return kubectl.items("pods", "-n", NAMESPACE, "-l", f"{COMPONENT}={component}")


def _leaves(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def is_ready(pod: Object) -> bool:
    """Whether a pod says so."""
    conditions = pod["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def scale(kubectl: Kubectl, count: int) -> list[Object]:
    """Bring the API to so many ready pods, as KEDA would; return them."""
    kubectl.run("scale", "rollout/frontrow-api", "-n", NAMESPACE, f"--replicas={count}")
    return ready(kubectl, count)


def ready(kubectl: Kubectl, count: int, component: str = "api") -> list[Object]:
    """Return the pods of a component once so many are there, all of them ready."""

    def there() -> bool:
        found = pods(kubectl, component)
        return len(found) == count and all(map(is_ready, found))

    assert wait_until(there, SECONDS, every=0.5), [
        (one["metadata"]["name"], one["status"].get("phase"), one["spec"].get("nodeName"))
        for one in pods(kubectl, component)
    ]
    return pods(kubectl, component)


def by_zone(found: list[Object]) -> dict[str, int]:
    """Return how many pods each zone has; a pod without a node is in none."""
    counted = Counter(one["spec"].get("nodeName", "none").rpartition("-")[0] for one in found)
    return {zone: counted[zone] for zone in (*contents.ZONES, "") if counted[zone]}


def refusals(kubectl: Kubectl) -> list[str]:
    """Return what controllers were refused: pods that were never made."""
    selector = "--field-selector=reason=FailedCreate"
    return [one["message"] for one in kubectl.items("events", "-n", NAMESPACE, selector)]
