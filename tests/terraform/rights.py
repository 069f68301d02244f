"""Who may what at AWS: what each role of staging needs, and what it is refused."""

ACCOUNT = "123456789012"
SECRET = f"arn:aws:secretsmanager:ap-northeast-2:{ACCOUNT}:secret"
OWN_NODE = {"aws:ResourceTag/kubernetes.io/cluster/frontrow-staging": "owned"}
INSTANCE = f"arn:aws:ec2:ap-northeast-2:{ACCOUNT}:instance/i-1"
OWN_REPOSITORY = f"arn:aws:ecr:ap-northeast-2:{ACCOUNT}:repository/frontrow-staging"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
PROFILE = f"arn:aws:iam::{ACCOUNT}:instance-profile/karpenter/ap-northeast-2"
BALANCERS = "elasticloadbalancing.amazonaws.com"
LINKED = f"{ROLE}/aws-service-role/{BALANCERS}/AWSServiceRoleForElasticLoadBalancing"
BALANCER = f"arn:aws:elasticloadbalancing:ap-northeast-2:{ACCOUNT}:loadbalancer/app/k8s/1"
RULE = f"arn:aws:elasticloadbalancing:ap-northeast-2:{ACCOUNT}:listener-rule/app/k8s/1/2/3"
OWN_BALANCER = {"aws:ResourceTag/elbv2.k8s.aws/cluster": "frontrow-staging"}
GROUP = f"arn:aws:ec2:ap-northeast-2:{ACCOUNT}:security-group/sg-1"
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
        *("ec2:CreateTags", INSTANCE, {**OWN_NODE, "aws:TagKeys": ["Name"]}, True),
    ),
    (
        "karpenter",
        *("ec2:CreateTags", INSTANCE, {**OWN_NODE, "aws:TagKeys": ["Name", "owner"]}, False),
    ),
    ("karpenter", "ec2:CreateTags", INSTANCE, {"aws:TagKeys": ["Name"]}, False),
    ("karpenter", "iam:CreateInstanceProfile", f"{PROFILE}/frontrow-staging/1/a", {}, True),
    ("karpenter", "iam:CreateInstanceProfile", f"{PROFILE}/frontrow-other/1/a", {}, False),
    (
        "balancer-controller",
        *("elasticloadbalancing:ModifyRule", RULE, {}, True),
    ),
    (
        "balancer-controller",
        *("elasticloadbalancing:DeleteLoadBalancer", BALANCER, OWN_BALANCER, True),
    ),
    ("balancer-controller", "elasticloadbalancing:DeleteLoadBalancer", BALANCER, {}, False),
    ("balancer-controller", "elasticloadbalancing:CreateLoadBalancer", BALANCER, {}, False),
    ("balancer-controller", "ec2:AuthorizeSecurityGroupIngress", GROUP, {}, False),
    (
        "balancer-controller",
        *("iam:CreateServiceLinkedRole", LINKED, {"iam:AWSServiceName": BALANCERS}, True),
    ),
    (
        "balancer-controller",
        *(
            "iam:CreateServiceLinkedRole",
            LINKED,
            {"iam:AWSServiceName": "rds.amazonaws.com"},
            False,
        ),
    ),
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
    ("apply", "iam:CreateRole", f"{ROLE}/serverlessrepo-frontrow-staging-rotation-1", {}, True),
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
