# Four roles, four servers (docs/infra.md): lock and queue are clusters of three masters with a replica
# each, and a lost key is a lost place; cache and broker are one with a replica.

locals {
  roles = {
    lock   = { shards = 3, policy = "noeviction" }
    queue  = { shards = 3, policy = "noeviction" }
    broker = { shards = 1, policy = "noeviction" }
    cache  = { shards = 1, policy = "allkeys-lru" }
  }
  family = "valkey${split(".", var.engine_version)[0]}"
}

resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = "${var.name}-valkey"
  description = "Valkey, all roles"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-valkey" }
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each                     = var.clients
  security_group_id            = aws_security_group.this.id
  description                  = "Valkey from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
  referenced_security_group_id = each.value
}

resource "aws_elasticache_parameter_group" "this" {
  for_each    = local.roles
  name        = "${var.name}-${each.key}"
  family      = local.family
  description = "Settings of ${each.key}"

  dynamic "parameter" {
    for_each = merge(
      { "maxmemory-policy" = each.value.policy },
      each.value.shards == 1 ? {} : { "cluster-enabled" = "yes", "cluster-require-full-coverage" = "no" },
    )
    content {
      name  = parameter.key
      value = parameter.value
    }
  }
}

resource "aws_elasticache_replication_group" "this" {
  for_each             = local.roles
  replication_group_id = "${var.name}-${each.key}"
  description          = "Frontrow's ${each.key}"
  engine               = "valkey"
  engine_version       = var.engine_version
  node_type            = var.types[each.key]
  port                 = 6379

  cluster_mode               = each.value.shards == 1 ? "disabled" : "enabled"
  num_node_groups            = each.value.shards
  replicas_per_node_group    = 1
  automatic_failover_enabled = true
  multi_az_enabled           = true

  subnet_group_name    = aws_elasticache_subnet_group.this.name
  security_group_ids   = [aws_security_group.this.id]
  parameter_group_name = aws_elasticache_parameter_group.this[each.key].name
  user_group_ids       = [aws_elasticache_user_group.this[each.key].user_group_id]

  at_rest_encryption_enabled = true
  kms_key_id                 = var.key_arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"

  # Not what brings a sale back (PostgreSQL does, docs/decisions/0001): what to look at after a fault.
  snapshot_retention_limit   = each.key == "cache" ? 0 : 3
  snapshot_window            = "18:00-19:00"
  maintenance_window         = "tue:20:30-tue:21:30"
  auto_minor_version_upgrade = true
  notification_topic_arn     = var.alarm_topic_arn
  apply_immediately          = false
}
