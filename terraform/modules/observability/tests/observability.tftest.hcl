mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name               = "frontrow-test"
  logs_key_arn       = "arn:aws:kms:ap-northeast-2:000000000000:key/logs"
  account_id         = "000000000000"
  callers            = ["https://oncall.example/alarms"]
  managed_prometheus = true
}

run "alarms_are_encrypted_and_reach_somebody" {
  command = plan
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == var.logs_key_arn && length(aws_sns_topic_subscription.caller) == 1
    error_message = "Alarms are unencrypted, or nobody hears them."
  }
  assert {
    condition     = aws_prometheus_workspace.this[0].kms_key_arn == var.logs_key_arn
    error_message = "Metrics lie unencrypted."
  }
}

run "without_aws_prometheus_there_is_none" {
  command = plan
  variables {
    managed_prometheus = false
  }
  assert {
    condition     = length(aws_prometheus_workspace.this) == 0
    error_message = "A workspace is made that nobody wants."
  }
}

run "plain_http_is_refused" {
  command = plan
  variables {
    callers = ["http://oncall.example/alarms"]
  }
  expect_failures = [var.callers]
}
