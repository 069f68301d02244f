"""The schema of the values knows every key of them, and refuses every other."""

import json
from copy import deepcopy
from pathlib import Path

import jsonschema
import pytest
import yaml

CHART = Path(__file__).parents[2] / "helm" / "frontrow"
ENVIRONMENTS = sorted(path.stem for path in CHART.glob("values-*.yaml"))
# Open by their nature: what Kubernetes lets stand there, kubeconform checks once it is rendered.
OPEN = {
    *("global", "nodeSelector", "annotations", "affinity"),
    *("namespaceSelector", "podSelector", "tolerations"),
}
DIGEST = {"image": {"digest": "sha256:" + "0" * 64}}


def _schema():
    return json.loads((CHART / "values.schema.json").read_text())


def _read(name):
    return yaml.safe_load((CHART / f"{name}.yaml").read_text())


def _merged(base, more):
    """Return values as helm puts them together."""
    found = deepcopy(base)
    for key, value in more.items():
        inside = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = _merged(found[key], value) if inside else deepcopy(value)
    return found


def _values(name="values-production"):
    return _merged(_merged(_read("values"), _read(name)), DIGEST)


def _objects(node, name="values"):
    """Yield each schema of an object with the name that it stands under."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield name, node
        for key, value in node.items():
            yield from _objects(value, key if isinstance(value, dict) else name)
    elif isinstance(node, list):
        for one in node:
            yield from _objects(one, name)


def _paths(values, known, place=()):
    """Yield the keys of values, down to where the schema leaves them open or they are data."""
    for key, value in values.items():
        yield (*place, key)
        inner = known.get("properties", {}).get(key, {})
        if isinstance(value, dict) and "properties" in inner:
            yield from _paths(value, inner, (*place, key))


def _known(schema, place=()):
    for key, inner in schema.get("properties", {}).items():
        yield (*place, key)
        yield from _known(inner, (*place, key))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_file_of_values_is_valid(name):
    jsonschema.validate(_values(name), _schema())


def test_there_is_a_file_for_each_environment():
    known = {"kind-of-all", "production", "small", "staging"}
    assert {name.removeprefix("values-") for name in ENVIRONMENTS} == known


def test_an_unknown_key_is_refused_wherever_it_stands():
    left_open = {
        name
        for name, one in _objects(_schema())
        if one.get("additionalProperties") is not False and name not in OPEN
    }
    assert left_open == set()


@pytest.mark.control
@pytest.mark.parametrize(
    "wrong",
    [
        {"apis": {"minReplicas": 3}},
        {"api": {"replicas": 3}},
        {"config": {"LOG_LEVELS": "INFO"}},
        {"config": {"DATABASE_URL": "postgresql://in/the/open"}},
        {"config": {"TRUSTED_PROXY_COUNT": "2"}},
        {"routing": {"mode": "nginx"}},
        {"site": {"url": "http://tickets.example"}},
        {"site": {"url": "https://tickets.example/"}},
        {"image": {"digest": "1.2.3"}},
        {"image": {"tag": "latest"}},
        {"gateway": {"image": "nginx:latest"}},
        {"api": {"resources": {"limits": {"cpu": "2", "memory": "1Gi"}}}},
        {"beat": {"resources": {"limits": {"memory": "1 GB"}}}},
        {"network": {"postgres": {"peers": []}}},
        {"network": {"dns": {"peers": []}}},
        {"release": {"steps": [{"percent": 10}]}},
        {"consumers": {"maxReplicas": 0}},
    ],
    ids=str,
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(_merged(_values(), wrong), _schema())


def test_the_schema_and_the_values_have_the_same_keys():
    schema, values = _schema(), _read("values")
    of_values = set(_paths(values, schema))
    # Settings are not given by default.
    settings = {("config",), ("kafka", "config"), ("stream", "config")}
    given = {place for place in _known(schema) if place[:-1] not in settings}
    assert given - of_values - {("global",)} == set()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_file_for_an_environment_says_only_what_differs(name):
    """What is repeated hides what differs, and stays behind when the default changes."""
    base = _read("values")

    def same(values, default, place=()):
        for key, value in values.items():
            if isinstance(value, dict) and isinstance(default.get(key), dict):
                yield from same(value, default[key], (*place, key))
            elif default.get(key) == value:
                yield ".".join((*place, key))

    # An environment says whose it is, whatever the default may become.
    said = {"site.url", "site.hosts"}
    assert set(same(_read(name), base)) - said == set()


def test_production_and_staging_are_of_the_same_parts():
    """Staging is production at the smallest sizes: they differ in no way that a release goes."""
    production, staging = _values(), _values("values-staging")
    for part in ("routing", "autoscaling", "zones", "release", "monitoring"):
        assert production[part].keys() == staging[part].keys()
    assert production["routing"]["mode"] == staging["routing"]["mode"]
    assert production["autoscaling"] == staging["autoscaling"]
    assert production["release"]["plan"] == staging["release"]["plan"]
    assert production["release"]["analysis"] == staging["release"]["analysis"]
    assert production["zones"] == staging["zones"]
    assert production["kafka"]["config"] == staging["kafka"]["config"]
