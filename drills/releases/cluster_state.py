"""What the cluster says of a release, read by `kubectl proxy`: no program is started for a look."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from deploy.cluster.kubectl import Kubectl, program
from deploy.cluster.stages import RUNS

NAMESPACE, ROLLOUT = "frontrow", "frontrow-api"
ACTION = "alb.ingress.kubernetes.io/actions.frontrow"
_HASH = "rollouts-pod-template-hash"
_APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
_OURS = {"labelSelector": "app.kubernetes.io/component=api"}


@dataclass(frozen=True, slots=True)
class ClusterState:
    """One look: hashes of the stable and the present release, what Rollouts says, and the share.

    `images` has the digest of each release that is to have pods, by its hash; `waiting` the pods
    that do not run yet, by name; `weight` is the new release's share in percent.
    """

    stable: str
    present: str
    phase: str
    message: str
    weight: int
    images: Mapping[str, str]
    waiting: Mapping[str, str]
    consumers: str


class ClusterReader:
    """Reads the cluster until `stop`."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._proxy = subprocess.Popen(
            [program(), "proxy", "--port=0"],
            env=dict(kubectl.environment()),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._proxy.stdout is not None
        address = self._proxy.stdout.readline().split()[-1]
        self._api = httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=30)

    def look(self) -> ClusterState:
        """Return how it is now."""
        rollout = self._get(f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/rollouts/{ROLLOUT}")
        status = rollout.get("status", {})
        sets = self._get(f"{_APPS}/replicasets", **_OURS)["items"]
        pods = self._get(_PODS, **_OURS)["items"]
        consumers = self._get(f"{_APPS}/deployments/frontrow-consumers")
        return ClusterState(
            stable=status.get("stableRS", ""),
            present=status.get("currentPodHash", ""),
            phase=status.get("phase", ""),
            message=status.get("message", ""),
            weight=self._weight(),
            images={
                one["metadata"]["labels"][_HASH]: _digest(one)
                for one in sets
                if one["spec"].get("replicas")
            },
            waiting={
                one["metadata"]["name"]: one["metadata"]["labels"].get(_HASH, "")
                for one in pods
                if RUNS not in one["metadata"].get("annotations", {})
                and "deletionTimestamp" not in one["metadata"]
            },
            consumers=_digest(consumers),
        )

    def _weight(self) -> int:
        path = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/ingresses/frontrow"
        return share_in(self._get(path)["metadata"]["annotations"].get(ACTION, ""))

    def say_that_it_runs(self, pod: str) -> None:
        """Let a pod become ready; one that is gone meanwhile is nobody's loss."""
        change = {"metadata": {"annotations": {RUNS: "yes"}}}
        kind = {"Content-Type": "application/merge-patch+json"}
        response = self._api.patch(f"{_PODS}/{pod}", content=json.dumps(change), headers=kind)
        if response.status_code != httpx.codes.NOT_FOUND:
            response.raise_for_status()

    def _get(self, path: str, **params: str) -> Any:
        return self._api.get(path, params=params).raise_for_status().json()

    def stop(self) -> None:
        """End the proxy."""
        self._api.close()
        self._proxy.terminate()
        self._proxy.wait()
        if self._proxy.stdout:
            self._proxy.stdout.close()


def share_in(action: str) -> int:
    """Return the new release's percent of requests; `action` is what the Ingress says at ACTION."""
    groups = json.loads(action)["ForwardConfig"]["TargetGroups"] if action else []
    weights = {one["ServiceName"]: int(one.get("Weight") or 0) for one in groups}
    return weights.get("frontrow-canary", 0)


def _digest(owner: Mapping[str, Any]) -> str:
    """Return the digest of the image that a set or a Deployment wants."""
    image = owner["spec"]["template"]["spec"]["containers"][0]["image"]
    return str(image.rpartition(":")[2])
