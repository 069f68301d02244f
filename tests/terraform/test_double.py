"""What settles in a double of AWS is applied, planned once more, and asked who may what."""

import re
from functools import partial

import pytest

from tests.terraform.double import FORGOTTEN, double, resources
from tests.terraform.policies import may
from tests.terraform.rights import RIGHTS

# Each command starts a provider of 700 MB: a machine with much else to do takes its time.
pytestmark = pytest.mark.timeout(900)

REGION = "module.region"
# MSK and ElastiCache do not settle in the double; it knows no add-ons, no access entries and no Pod
# Identity, so of the cluster comes the control plane, and of a role of pods what it may.
TARGETS = (
    f"{REGION}.module.secrets",
    f"{REGION}.module.network",
    f"{REGION}.module.ci",
    f"{REGION}.module.storage.aws_s3_bucket.this",
    f"{REGION}.module.storage.aws_s3_bucket_public_access_block.this",
    f"{REGION}.module.storage.aws_s3_bucket_versioning.this",
    f"{REGION}.module.storage.aws_s3_bucket_server_side_encryption_configuration.this",
    f"{REGION}.module.cluster.aws_eks_cluster.this",
    f"{REGION}.module.cluster.module.karpenter_role.aws_iam_role_policy.this",
    f"{REGION}.module.storage_role.aws_iam_role_policy.this",
    f"{REGION}.module.external_secrets_role.aws_iam_role_policy.this",
    f"{REGION}.module.metrics_role.aws_iam_role_policy.this",
    f"{REGION}.module.balancer_controller_role.aws_iam_role_policy.this",
    f"{REGION}.aws_iam_policy.keys",
    f"{REGION}.module.edge.aws_wafv2_web_acl.origin",
)
WORDS = tuple(f"-target={one}" for one in TARGETS)


@pytest.fixture(scope="module")
def site():
    with double("staging") as site:
        site.run("apply", "-input=false", "-no-color", "-auto-approve", *WORDS)
        yield site


@pytest.fixture(scope="module")
def policies(site):
    """Return the policies of each role by its short name."""
    found = {}
    for one in resources(site.state()):
        if one["type"] == "aws_iam_role_policy":
            found.setdefault(one["values"]["role"].removeprefix("frontrow-staging-"), []).append(
                one["values"]["policy"]
            )
        if one["type"] == "aws_iam_policy":
            found["keys"] = [one["values"]["policy"]]
    return found


def changed_by(plan):
    """Return the resources that a plan changes."""
    return [
        one["address"]
        for one in plan.get("resource_changes", [])
        if one["mode"] == "managed" and one["change"]["actions"] != ["no-op"]
    ]


def test_a_second_plan_changes_nothing(site):
    assert changed_by(site.plan(*WORDS)) == []


@pytest.mark.control
def test_control_nothing_is_forgiven_but_what_the_double_forgets(site):
    site.forgive({})
    try:
        changed = changed_by(site.plan(*WORDS))
    finally:
        site.forgive(FORGOTTEN)
    resources_of = {".".join(re.sub(r"\[.*?\]", "", one).split(".")[-2:]) for one in changed}
    assert resources_of == {name for one in FORGOTTEN.values() for name in one}


@pytest.mark.control
def test_control_what_somebody_changes_by_hand_is_seen(site):
    change = partial(site.client("s3").put_bucket_versioning, Bucket="frontrow-staging-audit")
    change(VersioningConfiguration={"Status": "Suspended"})
    try:
        changed = changed_by(site.plan(*WORDS))
    finally:
        change(VersioningConfiguration={"Status": "Enabled"})
    assert changed == [f'{REGION}.module.storage.aws_s3_bucket_versioning.this["audit"]']


def test_what_was_made_is_there(site):
    names = {one["Name"] for one in site.client("secretsmanager").list_secrets()["SecretList"]}
    assert "frontrow/staging/signing-keys" in names
    [cluster] = site.client("eks").list_clusters()["clusters"]
    made = site.client("eks").describe_cluster(name=cluster)["cluster"]
    assert made["resourcesVpcConfig"]["endpointPublicAccess"] is False
    block = site.client("s3").get_public_access_block(Bucket="frontrow-staging")
    assert all(block["PublicAccessBlockConfiguration"].values())
    groups = site.client("ec2").describe_subnets()["Subnets"]
    assert len([one for one in groups if one["CidrBlock"].startswith("10.30.")]) == 9


@pytest.mark.parametrize(("role", "action", "resource", "says", "allowed"), RIGHTS)
def test_each_role_may_what_it_needs_and_no_more(policies, role, action, resource, says, allowed):
    assert may(policies[role], action, resource, says) is allowed


def test_every_role_with_a_policy_of_ours_is_in_the_table(policies):
    spared = {"flow-logs", "cluster"}
    assert set(policies) - spared == {role for role, *_ in RIGHTS}
