# Entries that the chart's ExternalSecrets read. Terraform makes the entries and knows no value: people
# and `manage.py keys` write them (docs/deploying.md, "Values of secrets").

locals {
  entries = {
    environment  = "variables of the application that are secret, as one JSON object"
    flower       = "login of the operators to Flower"
    signing-keys = "the key ring"
    notify       = "the webhook that hears how deployments ended"
    smoke        = "password of the fan who tries staging"
    database     = "the database's user that is in force"
    idempotency  = "the same of the idempotency database"
  }
}

resource "aws_secretsmanager_secret" "this" {
  # checkov:skip=CKV2_AWS_57: the databases' users alternate (rotation.tf); the ring turns by manage.py keys; people write the rest
  for_each                = local.entries
  name                    = "frontrow/${var.environment}/${each.key}"
  description             = each.value
  kms_key_id              = aws_kms_key.this["secrets"].arn
  recovery_window_in_days = 30
}

# Nobody reads them from outside the account, whatever a role's policy says.
data "aws_iam_policy_document" "entry" {
  statement {
    sid       = "NotFromOutside"
    effect    = "Deny"
    actions   = ["secretsmanager:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "StringNotEquals"
      variable = "aws:PrincipalAccount"
      values   = [var.account_id]
    }
    condition {
      test     = "BoolIfExists"
      variable = "aws:PrincipalIsAWSService"
      values   = ["false"]
    }
  }
}

resource "aws_secretsmanager_secret_policy" "this" {
  for_each            = local.entries
  secret_arn          = aws_secretsmanager_secret.this[each.key].arn
  policy              = data.aws_iam_policy_document.entry.json
  block_public_policy = true
}
