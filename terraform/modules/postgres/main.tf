# A Multi-AZ DB cluster: one that writes and two readable standbys, and a commit waits until one of them
# has it (docs/decisions/0085, 0061). Not Aurora: its readers lack the replay position by which reads of
# a replica are judged (kernel/db/replica.py).

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = "${var.name}-postgres"
  description = "PostgreSQL ${var.name}"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-postgres" }
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each                     = var.clients
  security_group_id            = aws_security_group.this.id
  description                  = "PostgreSQL from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = each.value
}

# What docs/deploying.md ("Servers") wants and RDS lets itself be given.
resource "aws_rds_cluster_parameter_group" "this" {
  name_prefix = "${var.name}-"
  family      = "postgres${var.engine_version}"
  description = "Settings of ${var.name}"

  dynamic "parameter" {
    for_each = {
      "rds.force_ssl"                     = "1"
      "hot_standby_feedback"              = "1"
      "jit"                               = "0"
      "timezone"                          = "UTC"
      "log_min_error_statement"           = "panic"
      "log_error_verbosity"               = "terse"
      "log_parameter_max_length"          = "0"
      "log_parameter_max_length_on_error" = "0"
      "log_min_duration_statement"        = "-1"
      "log_statement"                     = "none"
    }
    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = "pending-reboot"
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

data "aws_iam_policy_document" "monitoring_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["monitoring.rds.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "monitoring" {
  name               = "${var.name}-postgres-monitoring"
  assume_role_policy = data.aws_iam_policy_document.monitoring_trust.json
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_rds_cluster" "this" {
  # checkov:skip=CKV_AWS_162: the application knows its servers by URLs with a password, which alternates
  # checkov:skip=CKV2_AWS_8: RDS itself goes back to any second of 35 days; the log goes to no other service
  # checkov:skip=CKV2_AWS_27: what people typed is in no log
  cluster_identifier              = var.name
  engine                          = "postgres"
  engine_version                  = var.engine_version
  db_cluster_instance_class       = var.size.class
  storage_type                    = "io2"
  allocated_storage               = var.size.gib
  iops                            = var.size.iops
  database_name                   = var.database
  db_subnet_group_name            = aws_db_subnet_group.this.name
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.this.name
  vpc_security_group_ids          = [aws_security_group.this.id]

  # RDS makes the master's password, keeps it in Secrets Manager and changes it: it is in no state. Its key is
  # that of all entries, which the function for alternating users may use.
  master_username               = "frontrow_master"
  manage_master_user_password   = true
  master_user_secret_kms_key_id = var.secrets_key_arn

  storage_encrypted               = true
  kms_key_id                      = var.key_arn
  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.key_arn
  monitoring_interval             = 15
  monitoring_role_arn             = aws_iam_role.monitoring.arn
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]

  backup_retention_period      = var.backup_days
  preferred_backup_window      = "19:00-19:30"         # 4:00 in Seoul
  preferred_maintenance_window = "tue:20:00-tue:20:30" # 5:00 on Wednesday
  copy_tags_to_snapshot        = true
  delete_automated_backups     = false
  deletion_protection          = true
  skip_final_snapshot          = false
  final_snapshot_identifier    = "${var.name}-last"

  lifecycle {
    ignore_changes = [engine_version] # RDS brings in minor versions
  }
}

# A failover is seen from the cluster as errors alone: here is why.
resource "aws_db_event_subscription" "this" {
  name             = "${var.name}-events"
  sns_topic        = var.alarm_topic_arn
  source_type      = "db-cluster"
  source_ids       = [aws_rds_cluster.this.cluster_identifier]
  event_categories = ["failover", "failure", "maintenance", "notification"]
}
