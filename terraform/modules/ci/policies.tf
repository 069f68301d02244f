locals {
  state = "arn:aws:s3:::${var.state_bucket}"
}

data "aws_iam_policy_document" "plan" {
  statement {
    sid       = "FirstPasswords"
    actions   = ["secretsmanager:GetRandomPassword"]
    resources = ["*"]
  }
  statement {
    sid       = "ReadState"
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = [local.state, "${local.state}/${var.environment}/*"]
  }
  statement {
    sid       = "LockState"
    actions   = ["s3:DeleteObject", "s3:PutObject"]
    resources = ["${local.state}/${var.environment}/*.tflock"]
  }
  statement {
    sid       = "NoValues"
    effect    = "Deny"
    actions   = ["secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"]
    resources = ["*"]
  }
  statement {
    sid           = "NoObjects"
    effect        = "Deny"
    actions       = ["s3:GetObject"]
    not_resources = ["${local.state}/${var.environment}/*"]
  }
}

data "aws_iam_policy_document" "apply" {
  statement {
    sid       = "State"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    resources = [local.state, "${local.state}/${var.environment}/*"]
  }
  statement {
    sid = "Make"
    actions = [
      "acm:*", "aps:*", "cloudformation:*", "cloudfront:*", "cloudwatch:*", "ec2:*", "ecr:*", "eks:*", "elasticache:*",
      "events:*", "kafka:*", "kms:*", "lambda:*", "logs:*", "rds:*", "route53:*", "s3:*", "secretsmanager:*",
      "serverlessrepo:*", "shield:*", "sns:*", "sqs:*", "wafv2:*",
    ]
    resources = ["*"]
  }
  statement {
    sid     = "OwnRoles"
    actions = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PassRole", "iam:PutRolePolicy", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole"]
    # AWS's repository of functions puts its own word before the names of what it makes.
    resources = ["arn:aws:iam::${var.account_id}:role/${var.name}-*", "arn:aws:iam::${var.account_id}:role/serverlessrepo-${var.name}-*"]
  }
  statement {
    sid       = "CodeHost"
    actions   = ["iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider", "iam:UpdateOpenIDConnectProviderThumbprint"]
    resources = ["arn:aws:iam::${var.account_id}:oidc-provider/${local.host}"]
  }
  statement {
    sid       = "LinkedRoles"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["arn:aws:iam::${var.account_id}:role/aws-service-role/*"]
  }
  # What nobody does by a workflow: widen its own rights, read values, end keys, take backups or audits.
  statement {
    sid       = "NotItself"
    effect    = "Deny"
    actions   = ["iam:AttachRolePolicy", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"]
    resources = [for role in keys(local.subjects) : "arn:aws:iam::${var.account_id}:role/${var.name}-${role}"]
  }
  statement {
    sid       = "NoValues"
    effect    = "Deny"
    actions   = ["secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"]
    resources = ["arn:aws:secretsmanager:${var.region}:${var.account_id}:secret:frontrow/*", "arn:aws:secretsmanager:${var.region}:${var.account_id}:secret:rds!*"]
  }
  statement {
    sid       = "NoKeyEnds"
    effect    = "Deny"
    actions   = ["kms:DisableKey", "kms:DisableKeyRotation", "kms:ScheduleKeyDeletion"]
    resources = ["*"]
  }
  statement {
    sid       = "NothingIsLost"
    effect    = "Deny"
    actions   = ["rds:DeleteDBCluster", "rds:DeleteDBClusterAutomatedBackup", "rds:DeleteDBClusterSnapshot", "s3:BypassGovernanceRetention", "s3:DeleteBucket", "s3:DeleteObjectVersion"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "image" {
  statement {
    sid       = "LogIn"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
  statement {
    sid       = "PushAndSign"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"]
    resources = ["arn:aws:ecr:${var.region}:${var.account_id}:repository/${var.name}"]
  }
}

# What it may in the cluster says the cluster (gitops/platform/access).
data "aws_iam_policy_document" "steer" {
  statement {
    sid       = "FindTheCluster"
    actions   = ["eks:DescribeCluster"]
    resources = ["arn:aws:eks:${var.region}:${var.account_id}:cluster/${var.name}"]
  }
  statement {
    sid       = "OwnEntries"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for entry in ["notify", "smoke"] : "arn:aws:secretsmanager:${var.region}:${var.account_id}:secret:frontrow/${var.environment}/${entry}-*"]
  }
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [var.secrets_key_arn]
  }
}
