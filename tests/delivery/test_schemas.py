"""Schemas that are made of published definitions refuse what those would let through."""

import jsonschema
import pytest

from deploy.chart import schemas

QUANTITY = "Quantity is a fixed-point representation of a number."
POD = {
    "definitions": {
        "v1.Pod": {
            "type": "object",
            "properties": {
                "kind": {"type": "string"},
                "spec": {"$ref": "#/definitions/v1.Spec"},
            },
            "x-kubernetes-group-version-kind": [{"group": "", "kind": "Pod", "version": "v1"}],
        },
        "v1.Spec": {
            "type": "object",
            "required": ["port"],
            "properties": {
                "port": {"type": "string", "format": "int-or-string"},
                "memory": {"$ref": "#/definitions/Quantity"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
        "Quantity": {"type": "string", "description": QUANTITY},
        "v1.Unused": {"type": "object", "properties": {"x": {"type": "string"}}},
    }
}
CRD = {
    "spec": {
        "group": "example.org",
        "names": {"kind": "Saw"},
        "versions": [
            {
                "name": "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "size": {"x-kubernetes-int-or-string": True},
                            "kind": {"type": "string", "enum": ["rip", "cross"]},
                            "notes": {
                                "type": "object",
                                "properties": {"a": {"type": "string"}},
                                "x-kubernetes-preserve-unknown-fields": True,
                            },
                        },
                    }
                },
            }
        ],
    }
}


@pytest.fixture
def pod():
    [(place, schema)] = schemas.of_kubernetes(POD)
    assert place == "v1/pod_v1.json"
    assert "v1.Unused" not in schema["definitions"]
    return schema


@pytest.fixture
def saw():
    [(place, schema)] = schemas.of_definition(CRD)
    assert place == "example.org/saw_v1.json"
    return schema


@pytest.mark.parametrize(
    "spec",
    [{"port": 80}, {"port": "http", "memory": "1Gi"}, {"port": 1, "labels": {"any": "word"}}],
    ids=str,
)
def test_what_kubernetes_takes_is_taken(pod, spec):
    jsonschema.validate({"kind": "Pod", "spec": spec}, pod)


@pytest.mark.control
@pytest.mark.parametrize(
    "spec",
    [{}, {"port": 80.5}, {"port": 80, "ports": 81}, {"port": 80, "labels": {"any": 1}}],
    ids=str,
)
def test_what_it_refuses_or_would_drop_is_refused(pod, spec):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"kind": "Pod", "spec": spec}, pod)


@pytest.mark.parametrize(
    "one", [{"size": 3}, {"size": "3"}, {"kind": "rip"}, {"notes": {"anything": 1}}], ids=str
)
def test_what_an_operator_takes_is_taken(saw, one):
    jsonschema.validate(one, saw)


@pytest.mark.control
@pytest.mark.parametrize("one", [{"size": 3.5}, {"kind": "chain"}, {"sise": 3}], ids=str)
def test_what_an_operator_refuses_is_refused(saw, one):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(one, saw)
