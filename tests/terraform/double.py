"""A double of AWS on this machine (moto), and an environment that is planned against it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from deploy import terraform
from deploy.terraform import TERRAFORM
from stack.process import wait_until
from stack.service import HOST, free_ports, listens

REGION = "ap-northeast-2"
_KEYS = {"AWS_ACCESS_KEY_ID": "double", "AWS_SECRET_ACCESS_KEY": "double"}
# The state lies beside the files, not in a bucket.
_BACKEND = re.compile(r'\n  # The bucket is given.*?\n  backend "s3" \{.*?\n  \}\n', re.DOTALL)
# An override file is Terraform's own way to lead an environment elsewhere.
_OVERRIDE = """\
provider "aws" {
  s3_use_path_style = true
}

provider "aws" {
  alias             = "global"
  s3_use_path_style = true
}
"""
# What the double takes and does not give back, by module and resource: there a second plan says
# nothing. Terraform's own way to leave these alone, in the copy.
FORGOTTEN: dict[str, dict[str, list[str]]] = {
    "secrets": {"aws_kms_key.this": ["rotation_period_in_days"]},
    "cluster": {"aws_eks_cluster.this": ["access_config", "zonal_shift_config"]},
    "postgres": {
        "aws_rds_cluster.this": [
            "engine_version",
            "monitoring_interval",
            "monitoring_role_arn",
            "performance_insights_enabled",
            "performance_insights_kms_key_id",
            "scaling_configuration",
        ]
    },
}
_LEFT_ALONE = """\
resource "{kind}" "{name}" {{
  lifecycle {{
    ignore_changes = [{fields}]
  }}
}}
"""
ANSWERS: dict[str, Any] = {
    "repository": "promoter/frontrow",
    "state_bucket": "promoter-terraform",
    "administrators": ["arn:aws:iam::123456789012:role/operators"],
    "callers": ["https://oncall.example/alarms"],
    "values_written": False,
    "balancer": "balancer.example",
}


class Double:
    """An environment of ours, led to moto."""

    def __init__(self, folder: Path, environment: str, port: int) -> None:
        self.environment = environment
        self.folder = folder / "terraform" / "environments" / environment
        self.variables = {
            **_KEYS,
            "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "TF_DATA_DIR": str(folder / "data"),
        }
        shutil.copytree(TERRAFORM, folder / "terraform")
        (self.folder / "double_override.tf").write_text(_OVERRIDE)
        main = self.folder / "main.tf"
        text, count = _BACKEND.subn("\n", main.read_text())
        assert count == 1
        main.write_text(text)
        (self.folder / "double.auto.tfvars.json").write_text(json.dumps(ANSWERS))
        self.forgive(FORGOTTEN)

    def forgive(self, forgotten: dict[str, dict[str, list[str]]]) -> None:
        """Let plans say nothing of these fields, and something of all others again."""
        modules = self.folder.parents[1] / "modules"
        for file in modules.glob("*/double_override.tf"):
            file.unlink()
        for module, of_module in forgotten.items():
            texts = []
            for resource, fields in of_module.items():
                kind, name = resource.split(".")
                texts.append(_LEFT_ALONE.format(kind=kind, name=name, fields=", ".join(fields)))
            (modules / module / "double_override.tf").write_text("".join(texts))

    def client(self, service: str, region: str = REGION) -> Any:
        """Return a client of the double."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.variables["AWS_ENDPOINT_URL"],
            aws_access_key_id="double",
            aws_secret_access_key="double",
            # A second try after a slow first one would make a thing twice.
            config=Config(read_timeout=300, retries={"total_max_attempts": 1}),
        )

    def run(self, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run Terraform; return what it prints. Fails the test for another exit code."""
        done = terraform.terraform(self.folder, *words, variables=self.variables)
        assert done.returncode in codes, (done.stdout + done.stderr)[-6000:]
        return done.stdout

    def begin(self) -> None:
        """Bring in modules and the backend; make what a person makes once by hand."""
        terraform.ready(self.folder, self.variables)
        self.client("route53").create_hosted_zone(
            Name={"production": "tickets.example"}.get(self.environment, "staging.tickets.example"),
            CallerReference="double",
        )

    def plan(self, *words: str) -> dict[str, Any]:
        """Return the plan as Terraform writes it for machines."""
        self.run("plan", "-input=false", "-no-color", "-out=plan", *words)
        return json.loads(self.run("show", "-json", "plan"))

    def state(self) -> dict[str, Any]:
        """Return what is applied."""
        return json.loads(self.run("show", "-json"))


@contextmanager
def double(environment: str) -> Iterator[Double]:
    """Give an environment and a double that lives as long as the context."""
    [port] = free_ports(1)
    words = [sys.executable, "-m", "moto.server", "--host", HOST, "--port", str(port)]
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as log:
        # AWS's own policies, which roles are given, are of its world only when asked for.
        world = {**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
        server = subprocess.Popen(words, stdout=log, stderr=log, env=world)
        try:
            assert wait_until(lambda: listens(port), 60.0)
            site = Double(Path(name), environment, port)
            site.begin()
            yield site
        finally:
            server.kill()
            server.wait()


def resources(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every resource of a plan's or a state's values, of all modules."""

    def below(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield from module.get("resources", [])
        for child in module.get("child_modules", []):
            yield from below(child)

    values = document.get("planned_values") or document["values"]
    yield from below(values["root_module"])
