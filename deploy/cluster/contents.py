"""What a new cluster has: the operators' kinds of objects, nodes in three zones, and guards."""

from pathlib import Path

import yaml

from deploy.chart.schemas import definitions
from deploy.cluster.kubectl import Object

ZONES = ("zone-a", "zone-b", "zone-c")
NODES_PER_ZONE = 4
# 60 pods of the API ask for 120 cores; two zones have to bear those of three.
_NODE = {"cpu": "24", "memory": "96Gi", "pods": "110"}
GUARDS = Path(__file__).with_name("guards.yaml")
# Where the controller of Rollouts keeps its lease and looks for its settings.
NAMESPACES = ("argo-rollouts", "frontrow")


def kinds() -> list[Object]:
    """Return the definitions of the operators' kinds. Raises NoTool."""
    return [one for one in definitions() if _is_used(one)]


def names_of_kinds() -> list[str]:
    """Return the definitions by their names, as kubectl waits for them."""
    return [f"crd/{one['metadata']['name']}" for one in kinds()]


def nodes(zone: str, count: int = NODES_PER_ZONE) -> list[Object]:
    """Return the nodes of a zone; kwok says that they are ready, and their pods too."""
    return [_node(f"{zone}-{number}", zone) for number in range(count)]


def namespaces() -> list[Object]:
    """Return the namespaces; all but the controller's admits by the restricted profile alone."""
    return [namespace(name, restricted=name == "frontrow") for name in NAMESPACES]


def namespace(name: str, *, restricted: bool = True) -> Object:
    """Return a namespace; a restricted one enforces Pod Security and Frontrow's guards."""
    labels = {}
    if restricted:
        profile = "pod-security.kubernetes.io"
        labels = {f"{profile}/{way}": "restricted" for way in ("enforce", "warn")}
        labels["frontrow/guarded"] = "yes"
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels},
    }


def guards() -> list[Object]:
    """Return the rules by which the API server itself refuses a pod."""
    return list(yaml.safe_load_all(GUARDS.read_text()))


def _is_used(definition: Object) -> bool:
    """Whether a version of it is served: others have no way in."""
    return any(one["served"] for one in definition["spec"]["versions"])


def _node(name: str, zone: str) -> Object:
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": zone,
        "karpenter.sh/capacity-type": "on-demand",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"capacity": _NODE, "allocatable": _NODE},
    }
