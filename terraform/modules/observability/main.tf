# What the cluster cannot see of itself. All other alerts are Prometheus' (docs/runbook-alerts.md).

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.logs_key_arn
}

data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "ServicesOfThisAccount"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "events.rds.amazonaws.com", "elasticache.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

resource "aws_sns_topic_subscription" "caller" {
  for_each  = var.callers
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "https"
  endpoint  = each.value
}

resource "aws_cloudwatch_log_group" "prometheus" {
  count             = var.managed_prometheus ? 1 : 0
  name              = "/${var.name}/prometheus"
  retention_in_days = 365
  kms_key_id        = var.logs_key_arn
}

resource "aws_prometheus_workspace" "this" {
  count       = var.managed_prometheus ? 1 : 0
  alias       = var.name
  kms_key_arn = var.logs_key_arn
  logging_configuration {
    log_group_arn = "${aws_cloudwatch_log_group.prometheus[0].arn}:*"
  }
}
