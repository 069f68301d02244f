output "hosts" {
  description = "Host of each role's URL."
  value = {
    for role, group in aws_elasticache_replication_group.this :
    role => group.cluster_mode == "enabled" ? group.configuration_endpoint_address : group.primary_endpoint_address
  }
}

output "security_group_id" {
  value = aws_security_group.this.id
}
