# Roles of pods. Who is not named here has none: a pod of the chart has not even a token of the cluster.

data "aws_iam_policy_document" "storage" {
  statement {
    sid       = "Files"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["arn:aws:s3:::${local.name}/media/*", "arn:aws:s3:::${local.name}/private/*"]
  }
  statement {
    sid       = "Names"
    actions   = ["s3:ListBucket"]
    resources = ["arn:aws:s3:::${local.name}"]
  }
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [module.secrets.keys["storage"]]
  }
}

module "storage_role" {
  source     = "../pod-role"
  name       = "${local.name}-storage"
  cluster    = module.cluster.name
  accounts   = ["frontrow/frontrow-api", "frontrow/frontrow-audit", "frontrow/frontrow-worker-background"]
  policy     = data.aws_iam_policy_document.storage.json
  account_id = local.account_id
}

data "aws_iam_policy_document" "external_secrets" {
  statement {
    sid       = "OwnEntries"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    resources = ["arn:aws:secretsmanager:${local.region}:${local.account_id}:secret:frontrow/${var.environment}/*"]
  }
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [module.secrets.keys["secrets"]]
  }
}

module "external_secrets_role" {
  source     = "../pod-role"
  name       = "${local.name}-external-secrets"
  cluster    = module.cluster.name
  accounts   = ["external-secrets/external-secrets"]
  policy     = data.aws_iam_policy_document.external_secrets.json
  account_id = local.account_id
}

data "aws_iam_policy_document" "metrics" {
  statement {
    sid       = "Write"
    actions   = ["aps:RemoteWrite"]
    resources = ["arn:aws:aps:${local.region}:${local.account_id}:workspace/*"]
  }
}

module "metrics_role" {
  source     = "../pod-role"
  name       = "${local.name}-metrics"
  cluster    = module.cluster.name
  accounts   = ["monitoring/prometheus"]
  policy     = data.aws_iam_policy_document.metrics.json
  account_id = local.account_id
}

# Who signs keys in: an operator's role and no pod. `manage.py keys rotate USE --store` needs this alone.
data "aws_iam_policy_document" "keys" {
  statement {
    sid       = "Ring"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"]
    resources = ["arn:aws:secretsmanager:${local.region}:${local.account_id}:secret:frontrow/${var.environment}/signing-keys-*"]
  }
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [module.secrets.keys["secrets"]]
  }
}

resource "aws_iam_policy" "keys" {
  name        = "${local.name}-keys"
  description = "Write the key ring; attach it to the role of who rotates keys"
  policy      = data.aws_iam_policy_document.keys.json
}
