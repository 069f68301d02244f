# A key for each purpose, so that who may read logs cannot read data, and one can be withdrawn alone.

data "aws_region" "here" {}

locals {
  purposes = {
    cluster = "secrets in etcd, disks of pods"
    data    = "PostgreSQL, Valkey, Kafka and their backups"
    images  = "images"
    logs    = "log groups, alarms"
    secrets = "entries of Secrets Manager"
    storage = "buckets"
  }
  # Services that use a key by themselves, for this account alone.
  services = {
    logs    = ["logs.${data.aws_region.here.name}.amazonaws.com", "cloudwatch.amazonaws.com", "elasticache.amazonaws.com", "events.rds.amazonaws.com"]
    storage = ["cloudfront.amazonaws.com", "delivery.logs.amazonaws.com"]
  }
}

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109: in the policy of a key * is the key itself
  # checkov:skip=CKV_AWS_111: in the policy of a key * is the key itself
  # checkov:skip=CKV_AWS_356: in the policy of a key * is the key itself
  for_each = local.purposes
  # The account's own roles may use a key where their policies say so.
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${var.account_id}:root"]
    }
  }
  dynamic "statement" {
    for_each = contains(keys(local.services), each.key) ? [local.services[each.key]] : []
    content {
      sid       = "Services"
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      resources = ["*"]
      principals {
        type        = "Service"
        identifiers = statement.value
      }
      condition {
        test     = "StringEqualsIfExists"
        variable = "aws:SourceAccount"
        values   = [var.account_id]
      }
    }
  }
}

resource "aws_kms_key" "this" {
  for_each                = local.purposes
  description             = "${var.name}: ${each.value}"
  enable_key_rotation     = true
  rotation_period_in_days = 365
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key[each.key].json
}

resource "aws_kms_alias" "this" {
  for_each      = local.purposes
  name          = "alias/${var.name}-${each.key}"
  target_key_id = aws_kms_key.this[each.key].key_id
}
