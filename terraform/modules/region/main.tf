# All of one environment. What stands here is the same in staging and production; sizes are not.

data "aws_caller_identity" "me" {}
data "aws_region" "here" {}

locals {
  name       = "frontrow-${var.environment}"
  account_id = data.aws_caller_identity.me.account_id
  region     = data.aws_region.here.name
  clients    = { nodes = module.cluster.security_group_id, rotation = aws_security_group.rotation.id }
}

module "secrets" {
  source      = "../secrets"
  name        = local.name
  environment = var.environment
  account_id  = local.account_id
  rotation = var.values_written ? {
    masters            = { database = module.postgres.master, idempotency = module.idempotency.master }
    subnet_ids         = module.network.private_subnet_ids
    security_group_ids = [aws_security_group.rotation.id]
  } : null
}

module "network" {
  source       = "../network"
  name         = local.name
  cidr         = var.cidr
  zones        = var.zones
  logs_key_arn = module.secrets.keys["logs"]
}

module "cluster" {
  source         = "../cluster"
  name           = local.name
  kubernetes     = var.versions.kubernetes
  subnet_ids     = module.network.private_subnet_ids
  key_arn        = module.secrets.keys["cluster"]
  logs_key_arn   = module.secrets.keys["logs"]
  account_id     = local.account_id
  system_nodes   = var.sizes.system_nodes
  administrators = var.administrators
  deployers      = { steer = module.ci.role_arns["steer"] }
}

module "observability" {
  source             = "../observability"
  name               = local.name
  logs_key_arn       = module.secrets.keys["logs"]
  account_id         = local.account_id
  callers            = var.callers
  managed_prometheus = true
}

module "storage" {
  source     = "../storage"
  name       = local.name
  key_arn    = module.secrets.keys["storage"]
  account_id = local.account_id
  readers    = { media = module.edge.media_distribution_arn }

  replica_bucket_arns = var.replica_bucket_arns
}

module "postgres" {
  source          = "../postgres"
  name            = local.name
  database        = "frontrow"
  engine_version  = var.versions.postgres
  size            = var.sizes.postgres
  vpc_id          = module.network.vpc_id
  subnet_ids      = module.network.isolated_subnet_ids
  clients         = local.clients
  key_arn         = module.secrets.keys["data"]
  secrets_key_arn = module.secrets.keys["secrets"]
  alarm_topic_arn = module.observability.alarm_topic_arn
}

# Its own small one: what it keeps for a day must not make the sale wait (docs/decisions/0015).
module "idempotency" {
  source          = "../postgres"
  name            = "${local.name}-idempotency"
  database        = "idempotency"
  engine_version  = var.versions.postgres
  size            = var.sizes.idempotency
  vpc_id          = module.network.vpc_id
  subnet_ids      = module.network.isolated_subnet_ids
  clients         = local.clients
  key_arn         = module.secrets.keys["data"]
  secrets_key_arn = module.secrets.keys["secrets"]
  alarm_topic_arn = module.observability.alarm_topic_arn
}

module "valkey" {
  source          = "../valkey"
  name            = local.name
  engine_version  = var.versions.valkey
  types           = var.sizes.valkey
  vpc_id          = module.network.vpc_id
  subnet_ids      = module.network.isolated_subnet_ids
  clients         = { nodes = module.cluster.security_group_id }
  key_arn         = module.secrets.keys["data"]
  alarm_topic_arn = module.observability.alarm_topic_arn
  passwords       = { for role, made in data.aws_secretsmanager_random_password.valkey : role => made.random_password }

  passwords_changed = var.values_written
}

module "kafka" {
  source          = "../kafka"
  name            = local.name
  kafka_version   = var.versions.kafka
  broker          = var.sizes.broker
  vpc_id          = module.network.vpc_id
  subnet_ids      = module.network.isolated_subnet_ids
  clients         = { nodes = module.cluster.security_group_id }
  key_arn         = module.secrets.keys["data"]
  secrets_key_arn = module.secrets.keys["secrets"]
  logs_key_arn    = module.secrets.keys["logs"]
  user_ready      = var.values_written
}

module "ci" {
  source          = "../ci"
  name            = local.name
  environment     = var.environment
  repository      = var.repository
  account_id      = local.account_id
  region          = local.region
  images_key_arn  = module.secrets.keys["images"]
  secrets_key_arn = module.secrets.keys["secrets"]
  state_bucket    = var.state_bucket
}

module "dns" {
  source = "../dns"
  site   = var.site
  zone   = var.zone
  providers = {
    aws        = aws
    aws.global = aws.global
  }
}

module "edge" {
  source          = "../edge"
  name            = local.name
  site            = var.site
  zone_id         = module.dns.zone_id
  certificate_arn = module.dns.edge_certificate_arn
  shield_region   = local.region
  balancer        = var.balancer
  media_domain    = "${local.name}.s3.${local.region}.amazonaws.com"
  logs_bucket_arn = "arn:aws:s3:::${local.name}-logs"
  origin_secrets  = [terraform_data.origin_secret.output]
  account_id      = local.account_id
  callers         = var.callers
  core_rules      = var.firewall.core_rules
  join_challenge  = var.firewall.join_challenge
  shield_advanced = var.shield_advanced
  providers = {
    aws        = aws
    aws.global = aws.global
  }
}
