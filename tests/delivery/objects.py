"""The objects that helm makes of the chart, and the pods that they lead to."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

GOLDEN = Path(__file__).with_name("golden") / "production.yaml"
COMPONENT = "app.kubernetes.io/component"
LASTING = {"Rollout", "StatefulSet", "Deployment"}
# The fast reader where libyaml is there: the objects are thousands of lines.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Object = dict[str, Any]


@dataclass(frozen=True)
class Pods:
    """Pods of one kind: who makes them, their labels and annotations, and what is in them."""

    owner: Object
    metadata: Object
    spec: Object

    @property
    def component(self) -> str:
        """The part of Frontrow that they are."""
        return self.metadata.get("labels", {}).get(COMPONENT, "")

    @property
    def is_lasting(self) -> bool:
        """Whether they run as long as the release does."""
        return self.owner["kind"] in LASTING

    @property
    def main(self) -> Object:
        """The container that is ours."""
        return self.spec["containers"][0]

    def containers(self) -> Iterator[Object]:
        """Yield every container, of those too that run before."""
        yield from self.spec.get("initContainers", [])
        yield from self.spec["containers"]

    def running(self) -> Iterator[Object]:
        """Yield the containers that run while the pod does."""
        for container in self.containers():
            begins = container in self.spec.get("initContainers", [])
            if not begins or container.get("restartPolicy") == "Always":
                yield container


def load(text: str) -> list[Object]:
    """Return the objects of a rendered chart."""
    return [one for one in yaml.load_all(text, Loader=_LOADER) if one]


def golden() -> list[Object]:
    """Return production's objects as they are committed; each call returns new ones."""
    return deepcopy(_golden())


@cache
def _golden() -> list[Object]:
    return load(GOLDEN.read_text())


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    """Return the objects of these kinds."""
    return [one for one in objects if one["kind"] in kinds]


def named(objects: list[Object], kind: str, name: str) -> Object:
    """Return the one object of that kind and name."""
    (found,) = [one for one in of_kind(objects, kind) if one["metadata"]["name"] == name]
    return found


def all_pods(objects: list[Object]) -> Iterator[Pods]:
    """Yield the pods that the objects lead to."""
    for one in objects:
        if one["kind"] in LASTING | {"Job"}:
            template = one["spec"]["template"]
            yield Pods(one, template["metadata"], template["spec"])
        elif one["kind"] == "CronJob":
            template = one["spec"]["jobTemplate"]["spec"]["template"]
            yield Pods(one, template["metadata"], template["spec"])
        elif one["kind"] == "Pod":
            yield Pods(one, one["metadata"], one["spec"])
        elif one["kind"] == "AnalysisTemplate":
            for metric in one["spec"]["metrics"]:
                if "job" in metric["provider"]:
                    template = metric["provider"]["job"]["spec"]["template"]
                    yield Pods(one, template["metadata"], template["spec"])


def lasting(objects: list[Object]) -> list[Pods]:
    """Return the pods that run as long as the release does."""
    return [one for one in all_pods(objects) if one.is_lasting]


def pods_of(objects: list[Object], component: str) -> Pods:
    """Return the pods of a component."""
    (found,) = [one for one in all_pods(objects) if one.component == component]
    return found


def selects(selector: Object, labels: Object) -> bool:
    """Say whether a selector (matchLabels, matchExpressions with In) takes these labels."""
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(
        labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", [])
    )


def environment(container: Object) -> dict[str, Object]:
    """Return the entries of `env` by name."""
    return {entry["name"]: entry for entry in container.get("env", [])}
