"""kubectl against one cluster."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stack.errors import StackError

Object = dict[str, Any]


class Refused(Exception):
    """kubectl, or the API server by it, refuses; the message is its own."""


class Kubectl:
    """One way to one cluster, with nothing of the person who runs it unless `personal`."""

    def __init__(self, kubeconfig: Path, *, personal: bool = False) -> None:
        self.kubeconfig = kubeconfig
        self._personal = personal

    def run(self, *arguments: str, given: str | None = None, seconds: float = 120) -> str:
        """Return what kubectl prints; `given` is its input. Raises Refused.

        `seconds` is when it is given up, and is an error too.
        """
        try:
            done = subprocess.run(
                [program(), *arguments],
                input=given,
                env=self.environment(),
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise Refused(f"kubectl {arguments[0]} took over {seconds:.0f} s") from None
        if done.returncode != 0:
            raise Refused((done.stdout + done.stderr).strip())
        return done.stdout

    def get(self, *arguments: str) -> Any:
        """Return what `kubectl get` finds, as it is in JSON. Raises Refused."""
        return json.loads(self.run("get", *arguments, "-o", "json"))

    def items(self, *arguments: str) -> list[Object]:
        """Return the objects of a list. Raises Refused."""
        found: list[Object] = self.get(*arguments)["items"]
        return found

    def apply(self, objects: Iterable[Object] | str, *more: str) -> str:
        """Apply objects (or YAML) by the server, owning all their fields. Raises Refused."""
        return self.run(
            *("apply", "--server-side", "--force-conflicts", "-f", "-", *more),
            given=objects if isinstance(objects, str) else as_text(objects),
        )

    def join(self, nodes: Iterable[Object]) -> None:
        """Make nodes with the sizes in their `status`, which applying by the server leaves out."""
        self.run("create", "-f", "-", given=as_text(nodes))

    def environment(self) -> Mapping[str, str]:
        """Return the variables for kubectl and helm.

        Those of a person may be how a cloud knows them; without, caches lie beside the kubeconfig.
        """
        home = {"PATH": os.environ["PATH"], "HOME": str(self.kubeconfig.parent)}
        return {**(os.environ if self._personal else home), "KUBECONFIG": str(self.kubeconfig)}


def as_text(objects: Iterable[Object]) -> str:
    """Return objects as one list that kubectl reads."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def program() -> str:
    """Return where kubectl is. Raises StackError."""
    found = shutil.which("kubectl")
    if found is None:
        raise StackError("no `kubectl` is found: a cluster needs kubectl 1.32 or newer")
    return found
