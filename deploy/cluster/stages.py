"""Pods that do not say by themselves that they run: kwok waits until somebody says so of each.

For tests in which real processes stand behind the pods of a component.
"""

from copy import deepcopy
from pathlib import Path

import yaml

from deploy.cluster.kubectl import Object
from deploy.tools.build import modules

# A pod of an awaited component is ready once it has this annotation.
RUNS = "frontrow/runs"
_COMPONENT = '.metadata.labels["app.kubernetes.io/component"]'
_STAGES = Path("kustomize", "stage", "pod", "fast")


def awaiting(component: str) -> str:
    """Return kwok's own stages of pods, changed for the pods of one component. Raises NoTool."""
    folder = modules("kwok")["sigs.k8s.io/kwok"] / _STAGES
    by_name = {
        path.stem: yaml.safe_load(path.read_text()) for path in sorted(folder.glob("pod-*.yaml"))
    }
    awaited = deepcopy(by_name["pod-ready"])
    awaited["metadata"]["name"] = "pod-ready-once-it-runs"
    _only(by_name["pod-ready"], _COMPONENT, "NotIn", component)
    _only(awaited, _COMPONENT, "In", component)
    _only(awaited, f'.metadata.annotations["{RUNS}"]', "Exists")
    return str(yaml.safe_dump_all([*by_name.values(), awaited]))


def _only(stage: Object, key: str, operator: str, *values: str) -> None:
    expression: Object = {"key": key, "operator": operator}
    if values:
        expression["values"] = list(values)
    stage["spec"]["selector"]["matchExpressions"].append(expression)
