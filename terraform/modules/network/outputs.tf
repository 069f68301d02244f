output "vpc_id" {
  value = aws_vpc.this.id
}

output "public_cidrs" {
  description = "Where the balancer stands: the chart's gateway.trustedProxies and network.balancer."
  value       = values(local.tiers.public)
}

output "isolated_cidrs" {
  description = "Where data is: the chart's network.postgres, valkey, broker and kafka."
  value       = values(local.tiers.isolated)
}

output "private_subnet_ids" {
  value = [for subnet in aws_subnet.private : subnet.id]
}

output "isolated_subnet_ids" {
  value = [for subnet in aws_subnet.isolated : subnet.id]
}

output "endpoints_security_group_id" {
  value = aws_security_group.endpoints.id
}
