"""JSON schemas of the objects that the chart makes, strict: an unknown field is an error.

They are made of what the projects themselves publish in their Go modules (deploy/tools/schemas):
Kubernetes' own description of its API, and the definitions of the operators' objects.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.tools import build

LIST = "schemas"
# kubeconform finds the schema of an object by these words.
LOCATION = "{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"
_SWAGGER = Path("api", "openapi-spec", "swagger.json")
# Where each module keeps the definitions that the chart uses.
_DEFINITIONS = {
    "github.com/argoproj/argo-rollouts": "manifests/crds/*-crd.yaml",
    "github.com/kedacore/keda/v2": "config/crd/bases/keda.sh_*.yaml",
    "github.com/external-secrets/external-secrets": "config/crds/bases/external-secrets.io_*.yaml",
    "github.com/prometheus-operator/prometheus-operator": (
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml"
    ),
}
# Groups of Kubernetes' own that a chart has objects of.
_GROUPS = {
    *("", "apps", "autoscaling", "batch", "networking.k8s.io", "policy"),
    *("rbac.authorization.k8s.io", "scheduling.k8s.io"),
}
_REFERENCE = re.compile(r"#/definitions/([\w.-]+)")


def folder() -> Path:
    """Return the folder of the schemas, writing it once for the versions that are pinned.

    Raises NoTool where a module can't be had.
    """
    kept = build.kept_for(LIST)
    done = kept / ".done"
    if not done.exists():
        found = build.modules(LIST)
        swagger = json.loads((found["k8s.io/kubernetes"] / _SWAGGER).read_text())
        operators = (one for whole in _definitions_in(found) for one in of_definition(whole))
        for place, schema in [*of_kubernetes(swagger), *operators]:
            path = kept / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(schema))
        done.touch()
    return kept


def place(group: str, version: str, kind: str) -> str:
    """Return where the schema of a kind lies, as LOCATION says: core kinds under their version."""
    return f"{group or version}/{kind.lower()}_{version}.json"


def of_kubernetes(swagger: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield place and schema of each kind that Kubernetes' description (OpenAPI 2) has."""
    definitions = {name: strict(one) for name, one in swagger["definitions"].items()}
    for name, definition in definitions.items():
        for known in definition.get("x-kubernetes-group-version-kind", []):
            if known["group"] in _GROUPS and not known["kind"].endswith("List"):
                schema = {
                    "$ref": f"#/definitions/{name}",
                    "definitions": _reachable(name, definitions),
                }
                yield place(known["group"], known["version"], known["kind"]), schema


def of_definition(definition: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield place and schema of each version of a CustomResourceDefinition."""
    spec = definition["spec"]
    for version in spec["versions"]:
        schema = strict(version["schema"]["openAPIV3Schema"])
        yield place(spec["group"], version["name"], spec["names"]["kind"]), schema


def strict(node: Any) -> Any:
    """Return a schema in JSON Schema's words, with unknown fields refused."""
    if isinstance(node, list):
        return [strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: strict(value) for key, value in node.items()}
    if node.get("format") == "int-or-string" or node.get("x-kubernetes-int-or-string") is True:
        found.pop("format", None)
        found["type"] = ["string", "integer"]
    if str(node.get("description", "")).startswith("Quantity is a fixed-point representation"):
        found["type"] = ["string", "number"]
    fields = node.get("properties")
    if isinstance(fields, dict) and node.get("type", "object") == "object" and fields:
        opened = node.get("x-kubernetes-preserve-unknown-fields") is True
        if not opened and "additionalProperties" not in node:
            found["additionalProperties"] = False
    return found


def definitions() -> list[dict[str, Any]]:
    """Return the whole CustomResourceDefinitions of the operators. Raises NoTool."""
    return list(_definitions_in(build.modules(LIST)))


def _definitions_in(found: Mapping[str, Path]) -> Iterator[dict[str, Any]]:
    for module, pattern in _DEFINITIONS.items():
        paths = sorted(found[module].glob(pattern))
        if not paths:
            raise build.NoTool(f"{module} has no {pattern} any more")
        for path in paths:
            for definition in yaml.safe_load_all(path.read_text()):
                if definition and definition.get("kind") == "CustomResourceDefinition":
                    yield definition


def _reachable(name: str, definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definitions that one leads to, itself among them."""
    found: dict[str, Any] = {}
    left = [name]
    while left:
        one = left.pop()
        if one not in found:
            found[one] = definitions[one]
            left += _REFERENCE.findall(json.dumps(definitions[one]))
    return found
