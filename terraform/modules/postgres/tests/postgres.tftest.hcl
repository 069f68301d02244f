mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name            = "frontrow-test"
  database        = "frontrow"
  size            = { class = "db.m6gd.large", gib = 100, iops = 1000 }
  vpc_id          = "vpc-1"
  subnet_ids      = ["subnet-a", "subnet-b", "subnet-c"]
  clients         = { nodes = "sg-nodes" }
  key_arn         = "arn:aws:kms:ap-northeast-2:000000000000:key/data"
  secrets_key_arn = "arn:aws:kms:ap-northeast-2:000000000000:key/secrets"
  alarm_topic_arn = "arn:aws:sns:ap-northeast-2:000000000000:alarms"
}

run "the_database_is_kept_and_encrypted" {
  command = plan
  assert {
    condition     = aws_rds_cluster.this.storage_encrypted && aws_rds_cluster.this.kms_key_id == var.key_arn && aws_rds_cluster.this.performance_insights_kms_key_id == var.key_arn
    error_message = "Data lies unencrypted."
  }
  assert {
    condition     = aws_rds_cluster.this.backup_retention_period == 35 && !aws_rds_cluster.this.delete_automated_backups && !aws_rds_cluster.this.skip_final_snapshot
    error_message = "The database cannot be brought back to any second of 35 days, or goes without a last copy."
  }
  assert {
    condition     = aws_rds_cluster.this.deletion_protection
    error_message = "One mistaken plan deletes the database."
  }
  assert {
    condition     = aws_rds_cluster.this.engine == "postgres" && aws_rds_cluster.this.db_cluster_instance_class == "db.m6gd.large" && length(aws_db_subnet_group.this.subnet_ids) == 3
    error_message = "It is no cluster of three members in three zones."
  }
  assert {
    condition     = aws_rds_cluster.this.manage_master_user_password == true && aws_rds_cluster.this.master_password == null
    error_message = "The master's password is in the state."
  }
  assert {
    condition     = aws_rds_cluster.this.master_user_secret_kms_key_id == var.secrets_key_arn
    error_message = "The function for alternating users cannot read the master's password."
  }
}

run "nodes_alone_may_ask_and_nothing_typed_is_logged" {
  command = plan
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.this : rule.cidr_ipv4 == null && rule.from_port == 5432 && rule.to_port == 5432])
    error_message = "Others than named security groups may ask, or at another port."
  }
  assert {
    condition     = contains([for one in aws_rds_cluster_parameter_group.this.parameter : "${one.name}=${one.value}"], "rds.force_ssl=1")
    error_message = "A connection without TLS is taken."
  }
  assert {
    condition     = contains([for one in aws_rds_cluster_parameter_group.this.parameter : "${one.name}=${one.value}"], "log_parameter_max_length_on_error=0")
    error_message = "What people typed is in the log."
  }
}

run "fewer_days_of_backups_are_refused" {
  command = plan
  variables {
    backup_days = 7
  }
  expect_failures = [var.backup_days]
}

run "two_zones_are_refused" {
  command = plan
  variables {
    subnet_ids = ["subnet-a", "subnet-b"]
  }
  expect_failures = [var.subnet_ids]
}
