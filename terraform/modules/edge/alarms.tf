resource "aws_sns_topic" "alarms" {
  provider          = aws.global
  name              = "${var.name}-edge-alarms"
  kms_master_key_id = aws_kms_key.logs.arn
}

resource "aws_sns_topic_subscription" "caller" {
  provider  = aws.global
  for_each  = var.callers
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "https"
  endpoint  = each.value
}

# More refusals than an on-sale brings: an attack, or a rule that hits fans.
resource "aws_cloudwatch_metric_alarm" "blocked" {
  provider            = aws.global
  alarm_name          = "${var.name}-firewall-blocks"
  alarm_description   = "The firewall refuses more than 1,000 requests a minute (docs/runbook.md, \"The firewall blocks\")"
  namespace           = "AWS/WAFV2"
  metric_name         = "BlockedRequests"
  dimensions          = { WebACL = aws_wafv2_web_acl.edge.name, Rule = "ALL" }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 3
  threshold           = 1000
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# CloudFront sees errors of the way between it and the pods, which no pod does.
resource "aws_cloudwatch_metric_alarm" "errors" {
  provider            = aws.global
  alarm_name          = "${var.name}-edge-errors"
  alarm_description   = "More than 1 % of requests end as 5xx at the edge (docs/runbook.md, \"Errors at the edge alone\")"
  namespace           = "AWS/CloudFront"
  metric_name         = "5xxErrorRate"
  dimensions          = { DistributionId = aws_cloudfront_distribution.site.id, Region = "Global" }
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 3
  threshold           = 1
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
