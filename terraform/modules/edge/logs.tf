# CloudFront and its firewall live in us-east-1, and so do their logs, alarms and the key of both.

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109: in the policy of a key * is the key itself
  # checkov:skip=CKV_AWS_111: in the policy of a key * is the key itself
  # checkov:skip=CKV_AWS_356: in the policy of a key * is the key itself
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${var.account_id}:root"]
    }
  }
  statement {
    sid       = "Services"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "logs.us-east-1.amazonaws.com"]
    }
    condition {
      test     = "StringEqualsIfExists"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_kms_key" "logs" {
  provider                = aws.global
  description             = "${var.name}: logs and alarms of the edge"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_cloudwatch_log_group" "firewall" {
  provider          = aws.global
  name              = "aws-waf-logs-${var.name}"
  retention_in_days = 365
  kms_key_id        = aws_kms_key.logs.arn
}

resource "aws_wafv2_web_acl_logging_configuration" "edge" {
  provider                = aws.global
  resource_arn            = aws_wafv2_web_acl.edge.arn
  log_destination_configs = [aws_cloudwatch_log_group.firewall.arn]

  # Who somebody is stays out of the log: tokens and sessions.
  dynamic "redacted_fields" {
    for_each = ["authorization", "cookie", "x-queue-token", "x-session-token"]
    content {
      single_header {
        name = redacted_fields.value
      }
    }
  }

  # What was let through is in the gateway's own log.
  logging_filter {
    default_behavior = "DROP"
    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"
      dynamic "condition" {
        for_each = ["BLOCK", "CHALLENGE", "COUNT"]
        content {
          action_condition {
            action = condition.value
          }
        }
      }
    }
  }
}

resource "aws_cloudwatch_log_delivery_source" "site" {
  provider     = aws.global
  name         = "${var.name}-site"
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.site.arn
}

resource "aws_cloudwatch_log_delivery_destination" "site" {
  provider      = aws.global
  name          = "${var.name}-site"
  output_format = "json"
  delivery_destination_configuration {
    destination_resource_arn = "${var.logs_bucket_arn}/cloudfront"
  }
}

resource "aws_cloudwatch_log_delivery" "site" {
  provider                 = aws.global
  delivery_source_name     = aws_cloudwatch_log_delivery_source.site.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.site.arn
}
