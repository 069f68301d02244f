"""What settles in a double of AWS is applied, planned once more, and asked who may what."""

import pytest

from tests.terraform.double import double, resources
from tests.terraform.policies import may

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


def test_a_second_plan_changes_nothing(site):
    plan = site.plan(*WORDS)
    changed = [
        one["address"]
        for one in plan.get("resource_changes", [])
        if one["mode"] == "managed" and one["change"]["actions"] != ["no-op"]
    ]
    assert changed == []


@pytest.mark.control
def test_control_what_somebody_changes_by_hand_is_seen(site):
    client = site.client("s3")
    client.put_bucket_versioning(
        Bucket="frontrow-staging-audit", VersioningConfiguration={"Status": "Suspended"}
    )
    plan = site.plan(*WORDS)
    changed = {
        one["address"] for one in plan["resource_changes"] if one["change"]["actions"] != ["no-op"]
    }
    assert any("aws_s3_bucket_versioning" in one for one in changed)
    site.run("apply", "-input=false", "-no-color", "-auto-approve", *WORDS)


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


ACCOUNT = "123456789012"
SECRET = f"arn:aws:secretsmanager:ap-northeast-2:{ACCOUNT}:secret"
OWN_NODE = {"aws:ResourceTag/kubernetes.io/cluster/frontrow-staging": "owned"}
INSTANCE = f"arn:aws:ec2:ap-northeast-2:{ACCOUNT}:instance/i-1"
OWN_REPOSITORY = f"arn:aws:ecr:ap-northeast-2:{ACCOUNT}:repository/frontrow-staging"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
STATE = "arn:aws:s3:::promoter-terraform"

# role, action, resource, what the request says, whether it may
RIGHTS = [
    ("storage", "s3:PutObject", "arn:aws:s3:::frontrow-staging/media/a.webp", {}, True),
    ("storage", "s3:GetObject", "arn:aws:s3:::frontrow-staging/private/a.pdf", {}, True),
    ("storage", "s3:PutObject", "arn:aws:s3:::frontrow-staging-audit/a", {}, False),
    ("storage", "s3:DeleteBucket", "arn:aws:s3:::frontrow-staging", {}, False),
    ("storage", "s3:PutObject", "arn:aws:s3:::frontrow-production/media/a.webp", {}, False),
    (
        "external-secrets",
        *(
            "secretsmanager:GetSecretValue",
            f"{SECRET}:frontrow/staging/environment-AbCdEf",
            {},
            True,
        ),
    ),
    (
        "external-secrets",
        *(
            "secretsmanager:GetSecretValue",
            f"{SECRET}:frontrow/production/environment-A",
            {},
            False,
        ),
    ),
    (
        "external-secrets",
        *("secretsmanager:PutSecretValue", f"{SECRET}:frontrow/staging/environment-A", {}, False),
    ),
    ("external-secrets", "secretsmanager:GetSecretValue", f"{SECRET}:rds!cluster-1", {}, False),
    ("metrics", "aps:RemoteWrite", f"arn:aws:aps:ap-northeast-2:{ACCOUNT}:workspace/w", {}, True),
    (
        "metrics",
        "aps:DeleteWorkspace",
        f"arn:aws:aps:ap-northeast-2:{ACCOUNT}:workspace/w",
        {},
        False,
    ),
    (
        "keys",
        "secretsmanager:PutSecretValue",
        f"{SECRET}:frontrow/staging/signing-keys-A",
        {},
        True,
    ),
    (
        "keys",
        "secretsmanager:GetSecretValue",
        f"{SECRET}:frontrow/staging/environment-A",
        {},
        False,
    ),
    ("keys", "secretsmanager:DeleteSecret", f"{SECRET}:frontrow/staging/signing-keys-A", {}, False),
    ("karpenter", "ec2:TerminateInstances", INSTANCE, OWN_NODE, True),
    ("karpenter", "ec2:TerminateInstances", INSTANCE, {}, False),
    (
        "karpenter",
        *(
            "iam:PassRole",
            f"{ROLE}/frontrow-staging-node",
            {"iam:PassedToService": "ec2.amazonaws.com"},
        ),
        True,
    ),
    (
        "karpenter",
        *(
            "iam:PassRole",
            f"{ROLE}/frontrow-staging-apply",
            {"iam:PassedToService": "ec2.amazonaws.com"},
        ),
        False,
    ),
    ("image", "ecr:PutImage", OWN_REPOSITORY, {}, True),
    ("image", "ecr:PutImage", OWN_REPOSITORY.replace("staging", "other"), {}, False),
    ("image", "ecr:BatchDeleteImage", OWN_REPOSITORY, {}, False),
    ("image", "eks:DescribeCluster", f"arn:aws:eks:ap-northeast-2:{ACCOUNT}:cluster/x", {}, False),
    ("plan", "s3:GetObject", f"{STATE}/staging/terraform.tfstate", {}, True),
    ("plan", "s3:PutObject", f"{STATE}/staging/terraform.tfstate.tflock", {}, True),
    ("plan", "s3:PutObject", f"{STATE}/staging/terraform.tfstate", {}, False),
    ("plan", "s3:GetObject", f"{STATE}/production/terraform.tfstate", {}, False),
    (
        "plan",
        "secretsmanager:GetSecretValue",
        f"{SECRET}:frontrow/staging/environment-A",
        {},
        False,
    ),
    ("plan", "ec2:RunInstances", INSTANCE, {}, False),
    ("apply", "eks:UpdateClusterConfig", f"arn:aws:eks:x:{ACCOUNT}:cluster/x", {}, True),
    ("apply", "iam:CreateRole", f"{ROLE}/frontrow-staging-storage", {}, True),
    ("apply", "iam:CreateRole", f"{ROLE}/somebody", {}, False),
    ("apply", "iam:PutRolePolicy", f"{ROLE}/frontrow-staging-apply", {}, False),
    ("apply", "iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/somebody", {}, False),
    (
        "apply",
        "secretsmanager:GetSecretValue",
        f"{SECRET}:frontrow/staging/environment-A",
        {},
        False,
    ),
    ("apply", "secretsmanager:CreateSecret", f"{SECRET}:frontrow/staging/other", {}, True),
    ("apply", "kms:ScheduleKeyDeletion", f"arn:aws:kms:x:{ACCOUNT}:key/1", {}, False),
    (
        "apply",
        "rds:DeleteDBCluster",
        f"arn:aws:rds:x:{ACCOUNT}:cluster:frontrow-staging",
        {},
        False,
    ),
    ("apply", "s3:DeleteBucket", "arn:aws:s3:::frontrow-staging-audit", {}, False),
    (
        "steer",
        *(
            "eks:DescribeCluster",
            f"arn:aws:eks:ap-northeast-2:{ACCOUNT}:cluster/frontrow-staging",
            {},
        ),
        True,
    ),
    ("steer", "secretsmanager:GetSecretValue", f"{SECRET}:frontrow/staging/smoke-A", {}, True),
    (
        "steer",
        "secretsmanager:GetSecretValue",
        f"{SECRET}:frontrow/staging/environment-A",
        {},
        False,
    ),
    ("steer", "eks:DeleteCluster", f"arn:aws:eks:x:{ACCOUNT}:cluster/frontrow-staging", {}, False),
]


@pytest.mark.parametrize(("role", "action", "resource", "says", "allowed"), RIGHTS)
def test_each_role_may_what_it_needs_and_no_more(policies, role, action, resource, says, allowed):
    assert may(policies[role], action, resource, says) is allowed


def test_every_role_with_a_policy_of_ours_is_in_the_table(policies):
    spared = {"flow-logs", "cluster"}
    assert set(policies) - spared == {role for role, *_ in RIGHTS}
