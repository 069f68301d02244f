"""Modules and environments as they are written, and that a module's tests would notice."""

import re
import shutil

import pytest

from deploy import terraform
from deploy.terraform import TERRAFORM, modules

# Each command starts a provider of 700 MB: a machine with much else to do takes its time.
pytestmark = pytest.mark.timeout(900)

ENVIRONMENTS = ("staging", "production")


def test_every_module_has_tests_and_says_what_its_variables_are():
    for name in modules():
        folder = TERRAFORM / "modules" / name
        if name != "region":  # whose test is the plan of an environment
            assert list(folder.glob("tests/*.tftest.hcl")), name
        for file in folder.glob("*.tf"):
            assert len(file.read_text().splitlines()) < 300, file


def test_environments_differ_by_their_own_file_alone():
    texts = [
        (TERRAFORM / "environments" / one / "main.tf").read_text().replace(one, "ENVIRONMENT")
        for one in ENVIRONMENTS
    ]
    assert texts[0] == texts[1]
    for one in ENVIRONMENTS:
        own = (TERRAFORM / "environments" / one / "environment.tf").read_text()
        names = re.findall(r"(?m)^  (\w+) +=", own)
        assert names == ["environment", "cidr", "site", "sizes"]
        assert sorted(path.name for path in (TERRAFORM / "environments" / one).glob("*.tf")) == [
            "environment.tf",
            "main.tf",
        ]


def test_a_workflow_finds_a_value_for_every_variable_in_git():
    for one in ENVIRONMENTS:
        folder = TERRAFORM / "environments" / one
        asked = re.findall(r'(?m)^variable "(\w+)"', (folder / "main.tf").read_text())
        given = re.findall(r"(?m)^(\w+) +=", (folder / "terraform.tfvars").read_text())
        assert asked == given


def test_the_state_is_remote_encrypted_and_locked():
    for one in ENVIRONMENTS:
        text = (TERRAFORM / "environments" / one / "main.tf").read_text()
        backend = re.search(r'backend "s3" \{(.*?)\n  \}', text, re.DOTALL)[1]
        for word in (f'"{one}/terraform.tfstate"', "encrypt      = true", "use_lockfile = true"):
            assert word in backend


def test_no_region_and_no_account_is_written_into_a_module():
    for file in (TERRAFORM / "modules").glob("*/*.tf"):
        text = file.read_text()
        assert "ap-northeast-2" not in text, file
        assert not re.search(r"\b(?!297356227824)\d{12}\b", text), file  # AWS's own repository


# module, what is taken out, what stands there instead, what its tests must say
MISTAKES = [
    (
        "network",
        "map_public_ip_on_launch = false",
        "map_public_ip_on_launch = true",
        "public address",
    ),
    (
        "cluster",
        "endpoint_public_access  = false",
        "endpoint_public_access  = true",
        "public endpoint",
    ),
    ("postgres", "deletion_protection          = true", "deletion_protection = false", "deletes"),
    ("valkey", "num_node_groups            = each.value.shards", "num_node_groups = 1", "3 \\+ 3"),
    ("kafka", '"min.insync.replicas=2"', '"min.insync.replicas=1"', "lose an event"),
    ("edge", 'cookie_behavior = "none"', 'cookie_behavior = "all"', "more than its language"),
    ("secrets", "enable_key_rotation     = true", "enable_key_rotation = false", "never turns"),
    (
        "storage",
        "block_public_policy     = true",
        "block_public_policy = false",
        "opened to the public",
    ),
    ("observability", "kms_master_key_id = var.logs_key_arn", "", "unencrypted"),
    ("ci", '= "IMMUTABLE"', '= "MUTABLE"', "may be moved"),
]


@pytest.mark.control
@pytest.mark.parametrize(("module", "old", "new", "says"), MISTAKES)
def test_control_a_mistake_is_seen_by_the_modules_own_tests(tmp_path, module, old, new, says):
    shutil.copytree(TERRAFORM / "modules", tmp_path / "modules")
    changed = 0
    for file in (tmp_path / "modules" / module).glob("*.tf"):
        text = file.read_text()
        changed += text.count(old)
        file.write_text(text.replace(old, new))
    assert changed
    found = terraform.checked(tmp_path / "modules" / module, tmp_path / "data")
    assert re.search(says, " ".join(found.split()))
