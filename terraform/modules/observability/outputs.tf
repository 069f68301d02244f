output "alarm_topic_arn" {
  value      = aws_sns_topic.alarms.arn
  depends_on = [aws_sns_topic_policy.alarms]
}

output "prometheus_endpoint" {
  description = "Where the cluster's Prometheus may write to; null without one."
  value       = one(aws_prometheus_workspace.this[*].prometheus_endpoint)
}
