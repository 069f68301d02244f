mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name       = "frontrow-test"
  key_arn    = "arn:aws:kms:ap-northeast-2:000000000000:key/storage"
  account_id = "000000000000"
}

run "buckets_are_closed_encrypted_and_versioned" {
  command = plan
  assert {
    condition     = length(aws_s3_bucket_public_access_block.this) == 5 && alltrue([for one in aws_s3_bucket_public_access_block.this : one.block_public_acls && one.block_public_policy && one.ignore_public_acls && one.restrict_public_buckets])
    error_message = "A bucket may be opened to the public."
  }
  assert {
    condition     = alltrue(flatten([for name, one in aws_s3_bucket_server_side_encryption_configuration.this : [for rule in one.rule : rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.key_arn] if name != "logs"]))
    error_message = "A bucket is not encrypted by our key."
  }
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this["logs"].rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "S3 can write no lines into the bucket of logs."
  }
  assert {
    condition     = alltrue([for one in aws_s3_bucket_versioning.this : one.versioning_configuration[0].status == "Enabled"])
    error_message = "A bucket forgets what was overwritten."
  }
  assert {
    condition     = length(aws_s3_bucket_policy.this) == 5
    error_message = "A bucket is reached without TLS."
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this["logs"].rule[0].expiration[0].days == 90 && length(aws_s3_bucket_lifecycle_configuration.this["media"].rule[0].expiration) == 0
    error_message = "Logs are kept for another time than 90 days, or posters are deleted."
  }
  assert {
    condition     = aws_s3_bucket.this["media"].bucket == "frontrow-test"
    error_message = "STORAGE_URL of the chart names another bucket."
  }
}

run "reports_of_audits_cannot_be_changed" {
  command = plan
  assert {
    condition     = aws_s3_bucket.this["audit"].object_lock_enabled && aws_s3_bucket_object_lock_configuration.audit.rule[0].default_retention[0].mode == "COMPLIANCE" && aws_s3_bucket_object_lock_configuration.audit.rule[0].default_retention[0].days >= 365
    error_message = "Somebody may change what an audit found."
  }
}

run "backups_may_be_copied_to_another_region" {
  command = plan
  variables {
    replica_bucket_arns = { backups = { arn = "arn:aws:s3:::elsewhere", key_arn = "arn:aws:kms:ap-northeast-1:000000000000:key/copy" } }
  }
  assert {
    condition     = aws_s3_bucket_replication_configuration.this["backups"].rule[0].delete_marker_replication[0].status == "Disabled"
    error_message = "Who deletes a backup deletes its copy too."
  }
}

run "a_short_lock_is_refused" {
  command = plan
  variables {
    audit_days = 30
  }
  expect_failures = [var.audit_days]
}
