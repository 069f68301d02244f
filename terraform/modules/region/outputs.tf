# What gitops/ and people need to know: its values are written there by hand.

output "values" {
  description = "Words of the chart's values that AWS chose."
  value = {
    image_repository        = module.ci.image_repository
    certificate_arn         = module.dns.origin_certificate_arn
    trusted_proxies         = module.network.public_cidrs
    data_networks           = module.network.isolated_cidrs
    balancer_security_group = aws_security_group.balancer.id
    balancer_firewall_arn   = module.edge.origin_acl_arn
    kafka_brokers           = module.kafka.brokers
    prometheus_endpoint     = module.observability.prometheus_endpoint
  }
}

output "hosts" {
  description = "Hosts of the URLs in the entry `environment`."
  value = {
    writer      = module.postgres.writer
    reader      = module.postgres.reader
    idempotency = module.idempotency.writer
    valkey      = module.valkey.hosts
  }
}

output "role_arns" {
  description = "Roles of the workflows."
  value       = module.ci.role_arns
}
