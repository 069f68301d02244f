# The application's user. Terraform makes the entry and knows no password: people write it
# (docs/deploying.md, "Values of secrets"), and then say that it is there.

resource "aws_secretsmanager_secret" "user" {
  # checkov:skip=CKV2_AWS_57: MSK has one password a user: a change is a restart of who asks, by a person
  name                    = "AmazonMSK_${var.name}" # MSK takes no other beginning
  kms_key_id              = var.secrets_key_arn
  recovery_window_in_days = 30
}

data "aws_iam_policy_document" "user" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.user.arn]
    principals {
      type        = "Service"
      identifiers = ["kafka.amazonaws.com"]
    }
  }
}

resource "aws_secretsmanager_secret_policy" "user" {
  secret_arn          = aws_secretsmanager_secret.user.arn
  policy              = data.aws_iam_policy_document.user.json
  block_public_policy = true
}

resource "aws_msk_scram_secret_association" "this" {
  count           = var.user_ready ? 1 : 0
  cluster_arn     = aws_msk_cluster.this.arn
  secret_arn_list = [aws_secretsmanager_secret.user.arn]
  depends_on      = [aws_secretsmanager_secret_policy.user]
}
