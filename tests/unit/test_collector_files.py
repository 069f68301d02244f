"""The collector's files: what they name is built, and the part that can't be is well-formed."""

import re
from pathlib import Path

import jsonschema
import yaml

from kernel.telemetry import tracing

FOLDER = Path(__file__).parents[2] / "observability" / "collector"
# From a component's name in a file to its module in main.go.
MODULES = {
    "otlp": "otlpreceiver",
    "filelog": "filelogreceiver",
    "memory_limiter": "memorylimiterprocessor",
    "batch": "batchprocessor",
    "tail_sampling": "tailsamplingprocessor",
    "otlphttp": "otlphttpexporter",
    "file": "fileexporter",
    "health_check": "healthcheckextension",
    "file_storage": "filestorage",
}
# The settings of the S3 exporter that are used, as upstream's documentation has them.
S3 = {
    "type": "object",
    "additionalProperties": False,
    "required": ["s3uploader", "marshaler"],
    "properties": {
        "s3uploader": {
            "type": "object",
            "additionalProperties": False,
            "required": ["region", "s3_bucket", "s3_prefix"],
            "properties": {
                "region": {"type": "string"},
                "s3_bucket": {"type": "string"},
                "s3_prefix": {"enum": ["traces", "logs"]},
                "s3_partition_format": {"type": "string", "pattern": "^(%[YmdHM]/?)+$"},
                "compression": {"enum": ["none", "gzip"]},
            },
        },
        "marshaler": {"enum": ["otlp_json", "otlp_proto"]},
        "sending_queue": {"type": "object"},
    },
}


def read(name: str) -> dict:
    return yaml.safe_load((FOLDER / name).read_text())


def test_every_component_that_a_file_names_is_built_and_nothing_else_is():
    named: set[str] = set()
    for name in ("agent.yaml", "gateway.yaml"):
        found = read(name)
        for kind in ("extensions", "receivers", "processors", "exporters"):
            named |= {key.partition("/")[0] for key in found[kind]}
    built = set(re.findall(r"(\w+)\.NewFactory\(\),", (FOLDER / "main.go").read_text()))
    assert {MODULES[name] for name in named} == built - {"envprovider", "fileprovider"}


def test_every_pipeline_uses_what_is_defined_and_ends_in_a_kept_place():
    for name in ("agent.yaml", "gateway.yaml"):
        found = read(name)
        for pipeline in found["service"]["pipelines"].values():
            for kind in ("receivers", "processors", "exporters"):
                assert set(pipeline[kind]) <= found[kind].keys()
            assert pipeline["processors"][0] == "memory_limiter"
        assert set(found["service"]["extensions"]) == found["extensions"].keys()


def test_traces_that_are_asked_for_with_errors_and_slow_ones_are_kept():
    policies = read("gateway.yaml")["processors"]["tail_sampling"]["policies"]
    kinds = ["string_attribute", "status_code", "latency", "probabilistic"]
    assert [policy["type"] for policy in policies] == kinds
    assert policies[0]["string_attribute"]["key"] == tracing.NAMES["asked_by"]
    assert policies[1]["status_code"] == {"status_codes": ["ERROR"]}


def test_object_storage_takes_the_place_of_files_in_each_pipeline():
    over, gateway = read("s3.yaml"), read("gateway.yaml")
    assert over["service"]["pipelines"].keys() == gateway["service"]["pipelines"].keys()
    for pipeline in over["service"]["pipelines"].values():
        [exporter] = pipeline["exporters"]
        jsonschema.validate(over["exporters"][exporter], S3)


def test_all_modules_of_the_collector_are_of_one_release():
    pinned = (FOLDER / "go.mod").read_text()
    direct = pinned.partition(")")[0]
    versions = set(re.findall(r"(?:collector|collector-contrib)\S* (v\S+)", direct))
    assert versions == {"v0.148.0", "v1.54.0"}
